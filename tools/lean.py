"""What the build leaves out of the layers' packages, and what it prepares: all of it is time at each cold start.

botocore's data shrink to the operations that we call. Packages that gather names of many modules load each of them at
its first use. Roots of trust become files named by their hash, of which a connection reads the one that it needs.
"""

import ast
import gzip
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# What our code calls. tests/artifact/test_day_of_the_app.py calls all of it on the built layers.
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "dynamodb": (
        "BatchGetItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "TransactWriteItems",
        "UpdateItem",
    ),
    "s3": ("CopyObject", "DeleteObject", "GetObject", "ListObjectVersions", "ListObjectsV2", "PutObject"),
    "secretsmanager": ("GetSecretValue",),
    "sqs": ("ChangeMessageVisibility", "DeleteMessage", "ReceiveMessage"),
}
PARTITION = "aws"
DOCUMENTATION = ("documentation", "documentationUrl")
KEPT_WHOLE = "clientContextParams"  # botocore requires the documentation in it
# Packages whose __init__ imports everything that they offer.
GATHERING = (
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/event_handler/openapi",
    "aws_lambda_powertools/utilities/data_classes",
    "charset_normalizer",
)
BUNDLES = ("botocore/cacert.pem", "certifi/cacert.pem", "razorpay/ca-bundle.crt")

NO_DOCSTRINGS = '''"""The build left out what writes docstrings of clients: no function reads one."""


class ClientMethodDocstring:
    def __init__(self, **_):
        pass


PaginatorDocstring = WaiterDocstring = ClientMethodDocstring
'''
LOADER = '''

def __getattr__(name):
    """The build made these imports lazy."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module, attribute = _LAZY[name]
    value = globals()[name] = getattr(importlib.import_module(module, __package__), attribute)
    return value
'''


def make_lean(packages: Path) -> None:
    """Trim the packages of a layer, in place. Doing it twice changes nothing more."""
    if (packages / "botocore").exists():
        _trim_data(packages / "botocore" / "data")
        _trim_documentation(packages / "botocore" / "docs")
    for name in GATHERING:
        if (init := packages / name / "__init__.py").exists():
            init.write_text(with_lazy_imports(init.read_text()))
    if (packages / "certifi" / "cacert.pem").exists():
        spread_roots((packages / "certifi" / "cacert.pem").read_text(), packages / "certifi" / "roots")
        for bundle in BUNDLES:
            (packages / bundle).unlink(missing_ok=True)


# --- botocore


def _trim_data(data: Path) -> None:
    for service in [path for path in data.iterdir() if path.is_dir()]:
        if service.name in OPERATIONS:
            _trim_service(service, OPERATIONS[service.name])
        else:
            shutil.rmtree(service)
    endpoints = json.loads((data / "endpoints.json").read_text())
    endpoints["partitions"] = [_own_services(one) for one in endpoints["partitions"] if one["partition"] == PARTITION]
    _write(data / "endpoints.json", endpoints)
    partitions = json.loads((data / "partitions.json").read_text())
    partitions["partitions"] = [one for one in partitions["partitions"] if one["id"] == PARTITION]
    _write(data / "partitions.json", partitions)


def _own_services(partition: dict[str, Any]) -> dict[str, Any]:
    services = {name: service for name, service in partition["services"].items() if name in OPERATIONS}
    return {**partition, "services": services}


def _trim_service(folder: Path, operations: tuple[str, ...]) -> None:
    """Keep the newest version of the API, with these operations and the shapes that they use."""
    *older, version = sorted(path for path in folder.iterdir() if path.is_dir())
    for path in older:
        shutil.rmtree(path)
    for path in version.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    for name in ("examples-1.json", "waiters-2.json"):
        (version / name).unlink(missing_ok=True)
    model = json.loads((version / "service-2.json").read_text())
    model["operations"] = {name: model["operations"][name] for name in operations}
    shapes = set(_shapes_of(list(model["operations"].values()), model["shapes"]))
    model["shapes"] = {name: shape for name, shape in model["shapes"].items() if name in shapes}
    _write(version / "service-2.json", _without_documentation(model))
    if (paginators := version / "paginators-1.json").exists():
        pages = json.loads(paginators.read_text())["pagination"]
        _write(paginators, {"pagination": {name: page for name, page in pages.items() if name in operations}})
    for path in version.glob("*.json"):
        _write(path, json.loads(path.read_text()))


def _shapes_of(value: Any, shapes: Mapping[str, Any], found: set[str] | None = None) -> Iterator[str]:
    """The names of all shapes that a part of a model refers to, directly or through others."""
    found = set() if found is None else found
    if isinstance(value, dict):
        name = value.get("shape")
        if isinstance(name, str) and name in shapes and name not in found:
            found.add(name)
            yield name
            yield from _shapes_of(shapes[name], shapes, found)
        for member in value.values():
            yield from _shapes_of(member, shapes, found)
    elif isinstance(value, list):
        for member in value:
            yield from _shapes_of(member, shapes, found)


def _without_documentation(value: Any) -> Any:
    """A member may be called documentation; what documents is a string."""
    if isinstance(value, dict):
        return {
            name: member if name == KEPT_WHOLE else _without_documentation(member)
            for name, member in value.items()
            if not (name in DOCUMENTATION and isinstance(member, str))
        }
    return [_without_documentation(member) for member in value] if isinstance(value, list) else value


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, separators=(",", ":")))


def _trim_documentation(docs: Path) -> None:
    """botocore's handlers use docs.utils, and its clients the names of docs.docstring."""
    for path in docs.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "utils.py":
            path.unlink()
    (docs / "__init__.py").write_text("")
    (docs / "docstring.py").write_text(NO_DOCSTRINGS)


# --- packages that gather names


def with_lazy_imports(source: str) -> str:
    """The source of a package, whose `from x import y` happen when somebody asks the package for y.

    Names that the package uses itself are still imported at once.
    """
    tree = ast.parse(source)
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module != "__future__"]
    rest = [node for node in tree.body if node not in imports]
    used = {node.id for statement in rest for node in ast.walk(statement) if isinstance(node, ast.Name)}
    lazy: dict[str, tuple[str, str]] = {}
    lines = source.splitlines()
    for node in reversed(imports):
        module = "." * node.level + (node.module or "")
        at_once = []
        for alias in node.names:
            if (alias.asname or alias.name) in used:
                at_once.append(ast.unparse(ast.ImportFrom(node.module, [alias], node.level)))
            else:
                lazy[alias.asname or alias.name] = module, alias.name
        assert node.end_lineno
        lines[node.lineno - 1 : node.end_lineno] = at_once
    if not lazy:
        return source
    table = "".join(f"    {name!r}: {place!r},\n" for name, place in sorted(lazy.items()))
    return "\n".join(lines).rstrip() + f"\n\n_LAZY = {{\n{table}}}\n" + LOADER


# --- roots of trust


def spread_roots(bundle: str, folder: Path) -> None:
    """A file for each root of the bundle, named as OpenSSL looks it up: `4a6481c9.0`, or `.1` if that is taken."""
    from OpenSSL import crypto

    folder.mkdir(exist_ok=True)
    end = "-----END CERTIFICATE-----"
    for text in bundle.split(end)[:-1]:
        pem = text[text.index("-----BEGIN CERTIFICATE-----") :] + end + "\n"
        name = f"{crypto.load_certificate(crypto.FILETYPE_PEM, pem.encode()).subject_name_hash():08x}"
        number = len(list(folder.glob(f"{name}.*")))
        (folder / f"{name}.{number}").write_text(pem)
