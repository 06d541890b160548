"""What the build leaves out of botocore, and of packages that gather names."""

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import razorpay

from tools import lean, lean_source

MODEL: dict[str, Any] = {
    "metadata": {"serviceId": "DynamoDB"},
    "documentation": "All about tables",
    "operations": {
        "GetItem": {"name": "GetItem", "input": {"shape": "GetItemInput"}, "documentation": "Reads"},
        "CreateTable": {"name": "CreateTable", "input": {"shape": "CreateTableInput"}},
    },
    "shapes": {
        "GetItemInput": {"type": "structure", "members": {"Key": {"shape": "Key", "documentation": "Which"}}},
        "Key": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Value"}},
        "Name": {"type": "string"},
        "Value": {"type": "structure", "members": {"M": {"shape": "Key"}, "documentation": {"shape": "Name"}}},
        "CreateTableInput": {"type": "structure", "members": {}},
    },
}
PAGES = {"pagination": {"GetItem": {"input_token": "a"}, "ListTables": {"input_token": "b"}}}
REGIONS = {"partitions": [{"partition": "aws", "services": {"dynamodb": {}, "ec2": {}}}, {"partition": "aws-cn"}]}


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A layer with a botocore that has two services, the one that we call in two versions."""
    monkeypatch.setattr(lean, "OPERATIONS", {"dynamodb": ("GetItem",)})
    data = tmp_path / "botocore" / "data"
    for version in ("2011-12-05", "2012-08-10"):
        write(data / "dynamodb" / version / "service-2.json.gz", MODEL)
    write(data / "dynamodb" / "2012-08-10" / "paginators-1.json", PAGES)
    write(data / "dynamodb" / "2012-08-10" / "waiters-2.json", {})
    write(data / "ec2" / "2016-11-15" / "service-2.json.gz", MODEL)
    write(data / "endpoints.json", REGIONS)
    write(data / "partitions.json", {"partitions": [{"id": "aws"}, {"id": "aws-cn"}]})
    (tmp_path / "botocore" / "docs").mkdir()
    return tmp_path


def read(packages: Path, name: str) -> Any:
    return json.loads((packages / "botocore" / "data" / name).read_text())


def test_data_are_those_of_the_called_operations(packages: Path) -> None:
    lean.make_lean(packages)
    data = packages / "botocore" / "data"
    files = {str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()}
    version = "dynamodb/2012-08-10"
    assert files == {"endpoints.json", "partitions.json", f"{version}/service-2.json", f"{version}/paginators-1.json"}
    assert read(packages, f"{version}/paginators-1.json") == {"pagination": {"GetItem": {"input_token": "a"}}}
    assert read(packages, "partitions.json") == {"partitions": [{"id": "aws"}]}
    assert read(packages, "endpoints.json") == {"partitions": [{"partition": "aws", "services": {"dynamodb": {}}}]}


def test_shapes_of_called_operations_stay_without_documentation(packages: Path) -> None:
    """A member that is called documentation is no documentation."""
    lean.make_lean(packages)
    model = read(packages, "dynamodb/2012-08-10/service-2.json")
    assert set(model) == {"metadata", "operations", "shapes"}
    assert model["operations"] == {"GetItem": {"name": "GetItem", "input": {"shape": "GetItemInput"}}}
    assert set(model["shapes"]) == {"GetItemInput", "Key", "Name", "Value"}
    assert model["shapes"]["GetItemInput"]["members"] == {"Key": {"shape": "Key"}}
    assert model["shapes"]["Value"] == MODEL["shapes"]["Value"]


def test_second_time_changes_nothing(packages: Path) -> None:
    lean.make_lean(packages)
    once = {path: path.read_bytes() for path in packages.rglob("*") if path.is_file()}
    lean.make_lean(packages)
    assert {path: path.read_bytes() for path in packages.rglob("*") if path.is_file()} == once


def test_unknown_operation_is_refused(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean, "OPERATIONS", {"dynamodb": ("GetItem", "GetItems")})
    with pytest.raises(KeyError, match="GetItems"):
        lean.make_lean(packages)


def test_gathered_names_are_imported_at_their_first_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But at once if the package uses them itself."""
    source = "from json import dumps, loads\nfrom colorsys import rgb_to_hsv\n\nEMPTY = dumps({})\n"
    (tmp_path / "gathering_package.py").write_text(lean.with_lazy_imports(source))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    import gathering_package as package  # type: ignore[import-not-found]

    assert package.EMPTY == "{}" and {"dumps"} <= set(vars(package)) and "loads" not in vars(package)
    assert "colorsys" not in sys.modules
    assert package.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0) and package.loads is json.loads
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        _ = package.other
    monkeypatch.delitem(sys.modules, "gathering_package")


# --- later patterns and imports


def test_pattern_compiles_at_its_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    source = 'import re\nA = "a"\nIPV6 = re.compile("^" + A + ":$", re.I)\nWORD = re.compile(r"(\\w+)")\n'
    names: dict[str, Any] = {}
    exec(lean_source.with_later_patterns(source, {"IPV6": ":", "WORD": ""}), names)
    compiled: list[str] = []
    real = re.compile
    monkeypatch.setattr(re, "compile", lambda pattern, flags=0: compiled.append(pattern) or real(pattern, flags))
    assert names["IPV6"].match("host") is None and compiled == []
    assert names["IPV6"].match("A:") and names["WORD"].fullmatch("ab").groups() == ("ab",)
    assert names["WORD"].match("") is None and set(compiled) == {"^a:$", r"(\w+)"}


def test_pattern_that_is_gone_or_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="the pattern A begins on another line"):
        lean_source.with_later_patterns('A = (\n    re.compile("a")\n)\n', {"A": ""})
    with pytest.raises(ValueError, match="no such patterns: OTHER"):
        lean_source.with_later_patterns('A = re.compile("a")\n', {"A": "", "OTHER": ""})


@pytest.mark.parametrize("host", ["a.example", "10.0.0.1", "[::1]", "[fe80::1%25eth0]", "[::g]", "a.example:1", ""])
def test_urls_are_taken_apart_as_before(host: str) -> None:
    """With the libraries' own modules and their edited copies."""
    from botocore import compat
    from urllib3.util import ssl_, url

    path = Path(url.__file__)
    edited: dict[str, Any] = {"__name__": url.__name__, "__package__": url.__package__}
    exec(lean_source.with_later_patterns(path.read_text(), lean.PATTERNS["urllib3/util/url.py"]), edited)

    source = Path(compat.__file__).read_text()
    botocore_edited: dict[str, Any] = {"__name__": compat.__name__, "__package__": compat.__package__}
    exec(lean_source.with_later_patterns(source, lean.PATTERNS["botocore/compat.py"]), botocore_edited)

    def parsed(parse: Any) -> Any:
        try:
            return tuple(parse(f"https://{host}/a?b"))
        except Exception as error:
            return type(error)

    assert parsed(edited["parse_url"]) == parsed(url.parse_url)
    assert bool(botocore_edited["IPV6_ADDRZ_RE"].match(host)) == bool(compat.IPV6_ADDRZ_RE.match(host))
    bare = host.strip("[]")
    is_address = edited["_IPV4_RE"].match(bare) or edited["_BRACELESS_IPV6_ADDRZ_RE"].match(bare)
    assert bool(is_address) == ssl_.is_ipaddress(bare)


def test_function_is_imported_when_it_is_called() -> None:
    source = "from __future__ import annotations\n\nfrom json import dumps\n\nimport typing\n"
    edited = lean_source.with_later_import(source, "json", "dumps")
    names: dict[str, Any] = {}
    exec(edited, names)
    assert names["dumps"]({}) == "{}" and names["dumps"] is not json.dumps
    with pytest.raises(ValueError, match="no such import"):
        lean_source.with_later_import(source, "json", "loads")


def test_package_imports_the_modules_that_are_used() -> None:
    source = 'from .order import Order\nfrom .plan import Plan\n\n__all__ = ["Order", "Plan"]\n'
    assert lean_source.with_modules(source, ("order",)) == "from .order import Order\n"
    with pytest.raises(ValueError, match="no such modules: refund"):
        lean_source.with_modules(source, ("order", "refund"))


def test_edits_fit_the_installed_packages(tmp_path: Path) -> None:
    """And done twice they change nothing more."""
    site = Path(razorpay.__file__).parents[1]
    names = [*lean.PATTERNS, *lean.RARE, "razorpay/__init__.py", "razorpay/resources/__init__.py"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((site / name).read_text())
    lean.make_lean(tmp_path)
    edited = {name: (tmp_path / name).read_text() for name in names}
    assert all(text != (site / name).read_text() for name, text in edited.items())
    lean.make_lean(tmp_path)
    assert {name: (tmp_path / name).read_text() for name in names} == edited
