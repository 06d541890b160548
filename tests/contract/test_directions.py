"""Who may import whom: the rooms of the project, read from the imports themselves."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.template import Template

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = [*sorted((ROOT / "shared").glob("*.py")), *sorted((ROOT / "functions").glob("*/*.py"))]

LEAVES = {"clock", "errors", "money", "models", "tally"}
DOORS = {"http", "events", "telemetry"}
RULES = {"payment_methods", "wallet", "payments", "saved_cards", "checkout", "audit", "images", "compression"}
# What each room of shared/ may import of ours.
MAY_IMPORT = {
    **{leaf: set() for leaf in LEAVES},
    "settings": {"errors"},
    "upi_handles": set(),
    "rejections": set(),
    "pixels": {"rejections"},
    "tokens": {"clock"},
    "fields": {"errors", "money"},
    "telemetry": {"tally"},
    "http": {"clock", "errors", "fields", "telemetry"},
    "events": {"clock", "errors", "settings", "telemetry"},
    "gateway": {"errors", "settings", "tally"},
    "bucket": {"errors", "settings", "tally"},
    "store": {"clock", "errors", "models", "settings", "tally"},
    "wallet": {"clock", "errors", "fields", "money", "store"},
    "saved_cards": {"clock", "errors", "gateway", "settings", "store", "tally"},
    "checkout": {"gateway", "settings", "store", "upi_handles"},
    "payments": {
        "checkout",
        "clock",
        "errors",
        "fields",
        "gateway",
        "money",
        "saved_cards",
        "settings",
        "store",
        "tally",
        "wallet",
    },
    "audit": {"payments", "store", "wallet"},
    "payment_methods": {"clock", "errors", "fields", "saved_cards", "settings", "store", "upi_handles"},
    "images": {"bucket", "clock", "errors", "fields", "rejections", "settings", "store"},
    "compression": {"bucket", "clock", "errors", "images", "pixels", "settings", "store"},
}
# Which module may import which library.
LIBRARIES = {
    "pynamodb": {"models", "store"},
    "razorpay": {"gateway"},
    "requests": {"gateway"},
    "urllib3": {"gateway"},
    "certifi": {"gateway"},
    "jwt": {"tokens"},
    "aws_lambda_powertools": {"http", "telemetry", "settings"},
    "boto3": {"bucket"},
    "botocore": {"bucket"},
    "PIL": {"pixels"},
    "pillow_heif": {"pixels"},
}


def imports(path: Path) -> set[str]:
    """Dotted names: `from shared import store` is shared.store."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {alias.name for alias in node.names}
            found |= {f"shared.{name}" for name in names} if node.module == "shared" else {node.module}
    return found


def ours(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("shared.")}


@pytest.mark.parametrize("path", sorted((ROOT / "shared").glob("*.py")), ids=lambda path: path.stem)
def test_a_room_imports_only_what_lies_below_it(path: Path) -> None:
    if path.stem == "__init__":
        assert path.read_text() == ""
    else:
        assert ours(path) <= MAY_IMPORT[path.stem]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_library_is_imported_by_its_owner_alone(path: Path) -> None:
    for name in imports(path):
        library = name.split(".")[0]
        allowed = LIBRARIES.get(library)
        standard = library in sys.stdlib_module_names or library == "shared"
        assert standard or (allowed is not None and path.parent.name == "shared" and path.stem in allowed), name


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*/*.py")), ids=lambda path: path.stem)
def test_a_function_knows_doors_errors_and_one_nouns_rules(path: Path) -> None:
    used = ours(path)
    assert used <= DOORS | RULES | {"errors", "tokens"}
    assert len(used & RULES) <= 1
    assert len(path.read_text().splitlines()) <= 40
    assert not list(path.parent.glob("requirements*")) and not list(path.parent.glob("__init__.py"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_nothing_shipped_imports_the_local_bundle_or_the_tests(path: Path) -> None:
    assert not {name for name in imports(path) if name.split(".")[0] in ("local", "tests")}


def test_every_function_of_the_template_is_a_file_and_every_file_a_function() -> None:
    handlers = {function.handler for function in Template().functions.values()}
    files = {f"{path.parent.name}.{path.stem}.handler" for path in (ROOT / "functions").glob("*/*.py")}
    assert handlers == files


def test_importing_anything_needs_no_environment_and_no_network() -> None:
    modules = [f"shared.{path.stem}" for path in (ROOT / "shared").glob("*.py") if path.stem != "__init__"]
    modules += [f"{path.parent.name}.{path.stem}" for path in (ROOT / "functions").glob("*/*.py")]
    code = "import socket\nsocket.socket.connect = None\n" + "\n".join(f"import {name}" for name in modules)
    path = os.pathsep.join((str(ROOT), str(ROOT / "functions")))
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["payment_methods.list", "wallets.retrieve", "payments.webhook"])
def test_the_sdk_is_not_loaded_by_a_function_that_does_not_call_the_gateway(module: str) -> None:
    path = os.pathsep.join((str(ROOT), str(ROOT / "functions")))
    code = f"import sys, {module}\nassert not {{'razorpay', 'requests', 'jwt', 'pydantic'}} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
