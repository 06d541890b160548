"""What the build leaves out of the layers' packages, and what it prepares: all of it is time at each cold start.

botocore's data shrink to the operations that we call. What few users of a package need is loaded or compiled at its
first use (tools/lean_source.py). Roots of trust become files named by their hash, of which a connection reads the one
that it needs.
"""

import gzip
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.lean_source import with_later_import, with_later_patterns, with_lazy_imports, with_modules

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
EAGER_PACKAGES = (
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/event_handler/openapi",
    "aws_lambda_powertools/utilities/data_classes",
    "charset_normalizer",
    "razorpay",
)
# The Razorpay SDK imports all of its resources; these are the ones that we call.
RESOURCES = ("customer", "dispute", "order", "payment", "refund", "token")
# Patterns of IPv6 addresses, and what a text without one does not have.
PATTERNS: Mapping[str, Mapping[str, str]] = {
    "urllib3/util/url.py": {
        "_IPV6_RE": ":",
        "_IPV6_ADDRZ_RE": ":",
        "_BRACELESS_IPV6_ADDRZ_RE": ":",
    },
    "botocore/compat.py": {"IPV6_ADDRZ_RE": ":"},
}
# Functions that a package imports from slow modules and calls in rare cases.
RARE: Mapping[str, tuple[str, str]] = {"urllib3/http2/__init__.py": ("importlib.metadata", "version")}
BUNDLES = ("botocore/cacert.pem", "certifi/cacert.pem", "razorpay/ca-bundle.crt")

NO_DOCSTRINGS = '''"""The build left out what writes docstrings of clients: no function reads one."""


class ClientMethodDocstring:
    def __init__(self, **_):
        pass


PaginatorDocstring = WaiterDocstring = ClientMethodDocstring
'''


def make_lean(packages: Path) -> None:
    """Trim the packages of a layer, in place. Doing it twice changes nothing more."""
    if (packages / "botocore" / "data").exists():
        _trim_data(packages / "botocore" / "data")
        _trim_documentation(packages / "botocore" / "docs")
    for name in EAGER_PACKAGES:
        _edit(packages / name / "__init__.py", with_lazy_imports)
    for name, patterns in PATTERNS.items():
        _edit(packages / name, with_later_patterns, patterns)
    for name, function in RARE.items():
        _edit(packages / name, with_later_import, *function)
    _edit(packages / "razorpay" / "resources" / "__init__.py", with_modules, RESOURCES)
    if (packages / "certifi" / "cacert.pem").exists():
        spread_roots((packages / "certifi" / "cacert.pem").read_text(), packages / "certifi" / "roots")
        for bundle in BUNDLES:
            (packages / bundle).unlink(missing_ok=True)


def _edit(path: Path, edit: Callable[..., str], *how: Any) -> None:
    if path.exists():
        path.write_text(edit(path.read_text(), *how))


# --- botocore


def _trim_data(data: Path) -> None:
    for service in [path for path in data.iterdir() if path.is_dir()]:
        if service.name in OPERATIONS:
            _trim_service(service, OPERATIONS[service.name])
        else:
            shutil.rmtree(service)
    endpoints = json.loads((data / "endpoints.json").read_text())
    endpoints["partitions"] = [
        _own_services(partition) for partition in endpoints["partitions"] if partition["partition"] == PARTITION
    ]
    _write(data / "endpoints.json", endpoints)
    partitions = json.loads((data / "partitions.json").read_text())
    partitions["partitions"] = [partition for partition in partitions["partitions"] if partition["id"] == PARTITION]
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
