"""Which package may import which, read from the imports themselves."""

import ast
import graphlib
import os
import subprocess
import sys
from collections.abc import Collection
from functools import cache
from pathlib import Path

import pytest

from local.template import Template

ROOT = Path(__file__).resolve().parents[2]

LEAVES = ("errors", "clock", "money", "settings", "telemetry.journal", "private_names")  # import nothing of ours
COMMON = (*LEAVES, "deadline", "aws", "http.fields", "http.formats")
RECORDS = ("razorpay", "wallets", "payment_methods")
# The modules that bring Razorpay's reports to payments, their refunds and disputes. The rest of payments knows none.
WAYS_IN = (
    "payments.webhook",
    "payments.verify",
    "payments.reconcile",
    "payments.reconcile_lists",
    "payments.reconcile_recent",
    "payments.reconcile_waiting",
)
# Package of shared/ -> what it may import besides itself. The longest name that fits a module applies.
MAY_IMPORT: dict[str, Collection[str]] = {
    **dict.fromkeys(LEAVES, ()),
    "deadline": ("clock", "errors"),
    "initialization": ("private_names",),
    "auth": ("clock", "issuer_keys", "staff.groups"),
    "authorizer": ("auth", "telemetry"),
    "issuer_keys": ("clock", "telemetry.journal"),
    "telemetry.log": ("telemetry.journal",),
    "http": ("clock", "deadline", "error_catalogue", "errors", "initialization", "money", "telemetry"),
    "triggers": ("clock", "deadline", "errors", "initialization", "settings", "telemetry"),
    "aws": ("clock", "deadline", "errors", "initialization", "private_names", "settings", "telemetry.journal"),
    "razorpay": (
        "aws.secrets",
        "aws.session",
        "clock",
        "deadline",
        "errors",
        "private_names",
        "settings",
        "telemetry.journal",
    ),
    "error_catalogue": (),
    "wallets": COMMON,
    "payment_methods": (*COMMON, "razorpay"),
    "payments": (*COMMON, *RECORDS, "desk.models"),
    "refunds": (*COMMON, *RECORDS, "payments"),
    "disputes": (*COMMON, *RECORDS, "payments", "refunds"),
    "transactions": (*COMMON, *RECORDS, "payments", "refunds", "disputes"),
    **dict.fromkeys(WAYS_IN, (*COMMON, *RECORDS, "payments", "refunds", "disputes", "desk.models")),
    "desk": (*COMMON, *RECORDS, "payments", "refunds", "justification", "desk.models"),
    "desk.models": COMMON,
    "staff": (*COMMON, *RECORDS, "payments", "refunds", "disputes", "desk", "images", "triggers"),
    "staff.groups": (),
    "images": (*COMMON, "http.multipart", "images.codec", "images.rejections"),
    "images.codec": ("images.rejections",),
    "images.rejections": (),
    "justification": ("payments", "refunds", "disputes", "wallets", "desk.models"),
    "audit": ("justification", "payments", "wallets"),
}
NOUNS = (
    "wallets",
    "payment_methods",
    "payments",
    "refunds",
    "disputes",
    "transactions",
    "images",
    "audit",
    "staff",
    "desk",
)
HOUSE = {"desk": "staff", "disputes": "staff"}  # noun -> another one, with which a function may import it
# Of the nouns, a function may import one.
FUNCTIONS_MAY_IMPORT = ("http", "triggers", "telemetry.log", "errors", "auth", "authorizer", *NOUNS)
LOCAL_MAY_IMPORT = ("aws", "clock", "deadline", "initialization", "telemetry")
# Library -> the modules or packages of shared/ that may import it.
OWNERS: dict[str, Collection[str]] = {
    "pynamodb": ("aws.dynamodb", "aws.dynamodb_client", "aws.dynamodb_errors", *(f"{noun}.models" for noun in NOUNS)),
    "boto3": ("functions.deployments.check_version",),
    "botocore": ("aws", "private_names"),
    "razorpay": ("razorpay.client",),
    "requests": ("razorpay.client",),
    "certifi": ("razorpay.client",),
    "urllib3": ("razorpay.client", "aws.session", "private_names"),
    "snapshot_restore_py": ("initialization",),
    "jwt": ("auth", "issuer_keys"),
    "aws_lambda_powertools": ("http.handler", "telemetry.log"),
    "PIL": ("images.codec",),
    "pillow_heif": ("images.codec",),
}
ANYWHERE = ("typing_extensions",)
LINES_MAX = 350
DATA = (
    "shared/error_catalogue.py",
    "shared/payment_methods/upi_handles.py",
    "tools/cost/prices.py",
)  # tables, of any length


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    """`shared/http/fields.py` is `shared.http.fields`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def relative_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


MODULES = {name_of(path): path for path in python_files("shared", "functions", "local", "tools")}
SHARED, FUNCTIONS = python_files("shared"), python_files("functions")


def is_within(name: str, packages: Collection[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@cache
def imports(path: Path) -> frozenset[str]:
    """Dotted names of every import, in functions and for types too: `from shared import clock` is shared.clock."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path} has a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & MODULES.keys()) | ({node.module} if names - MODULES.keys() else set())
    return frozenset(found)


def shared_imports(path: Path) -> set[str]:
    """The modules of shared/ that it imports."""
    return {name.removeprefix("shared.") for name in imports(path) if name.startswith("shared.")}


def package_of(path: Path) -> str:
    name = name_of(path).removeprefix("shared.")
    return max((package for package in MAY_IMPORT if is_within(name, [package])), key=len, default="")


@pytest.mark.parametrize("path", SHARED, ids=relative_name)
def test_package_imports_only_what_its_row_allows(path: Path) -> None:
    if path == ROOT / "shared" / "__init__.py":
        assert imports(path) == {"gc"}
    elif path.name == "__init__.py":
        assert path.read_text() == ""
    else:
        package = package_of(path)
        assert package, "its package has no row in the table"
        own = {name for name in shared_imports(path) if package_of(MODULES[f"shared.{name}"]) == package}
        forbidden = {name for name in shared_imports(path) - own if not is_within(name, MAY_IMPORT[package])}
        assert not forbidden


@pytest.mark.parametrize("path", FUNCTIONS, ids=relative_name)
def test_function_knows_its_adapter_and_one_noun(path: Path) -> None:
    imported = shared_imports(path)
    assert all(is_within(name, FUNCTIONS_MAY_IMPORT) for name in imported)
    nouns = {name.split(".")[0] for name in imported if is_within(name, NOUNS)}
    assert len({HOUSE.get(noun, noun) for noun in nouns}) <= 1
    assert len(path.read_text().splitlines()) <= 40
    assert not list(path.parent.glob("requirements*")) and not list(path.parent.glob("__init__.py"))


@pytest.mark.parametrize("path", [*SHARED, *FUNCTIONS], ids=relative_name)
def test_library_is_imported_by_its_owner_only(path: Path) -> None:
    module = name_of(path).removeprefix("shared.")
    libraries = {name.split(".")[0] for name in imports(path)} - sys.stdlib_module_names - {"shared", *ANYWHERE}
    assert not {library for library in libraries if not is_within(module, OWNERS.get(library, ()))}


@pytest.mark.parametrize("path", python_files("shared", "functions", "local", "tools"), ids=relative_name)
def test_shipped_code_never_imports_the_tools_around_it(path: Path) -> None:
    """shared and functions import neither local nor tools; local does not import tools; nothing imports tests."""
    folder = relative_name(path).split("/")[0]
    forbidden = {"local": {"tools", "tests"}, "tools": {"tests"}}.get(folder, {"local", "tools", "tests"})
    assert not {name for name in imports(path) if name.split(".")[0] in forbidden}
    if folder == "local":
        assert all(is_within(name, LOCAL_MAY_IMPORT) for name in shared_imports(path))


def test_no_import_circle() -> None:
    graph = {name: imports(path) & MODULES.keys() - {name} for name, path in MODULES.items()}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError and names the circle


@pytest.mark.parametrize("path", python_files("shared", "functions", "local", "tools"), ids=relative_name)
def test_module_fits_the_line_limit(path: Path) -> None:
    assert relative_name(path) in DATA or len(path.read_text().splitlines()) <= LINES_MAX


def test_template_functions_match_the_function_files() -> None:
    handlers = {function.handler for function in Template().functions.values()}
    handlers.add(Template().resources["CheckVersion"]["Properties"]["Handler"])
    assert handlers == {f"{path.parent.name}.{path.stem}.handler" for path in FUNCTIONS}


def python(code: str) -> None:
    """Run the code in a new process without an environment, with Lambda's import path."""
    path = os.pathsep.join((str(ROOT), str(ROOT / "functions")))
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_import_needs_no_environment_and_no_network() -> None:
    modules = [name_of(path) for path in SHARED] + [f"{path.parent.name}.{path.stem}" for path in FUNCTIONS]
    python("import socket\nsocket.socket.connect = None\n" + "\n".join(f"import {name}" for name in modules))


@pytest.mark.parametrize("module", ["payment_methods.list", "wallets.retrieve", "payments.receive_webhook"])
def test_import_of_a_function_loads_no_sdk(module: str) -> None:
    """Only a call to Razorpay loads its SDK."""
    python(f"import sys, {module}\nassert not {{'razorpay', 'requests', 'jwt', 'pydantic'}} & set(sys.modules)")


@pytest.mark.parametrize("path", SHARED, ids=relative_name)
def test_only_the_ledger_makes_and_writes_entries(path: Path) -> None:
    """A second writer would not hold the wallet's lock. The roles refuse to update or delete an entry."""
    if name_of(path) in ("shared.wallets.models", "shared.wallets.ledger"):
        return
    tree = ast.parse(path.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert "Entry" not in names or not names & {"Insert", "Overwrite", "Update", "Delete", "execute", "transact"}
    calls = {
        node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert "Entry" not in calls
