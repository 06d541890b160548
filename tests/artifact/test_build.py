"""Opens what `make build` made: packages, bytecode, botocore's data, and the effect of a changed byte."""

import copy
import json
import os
import shutil
import ssl
import subprocess
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.template import ROOT, Template
from tools.build import BUILT, DIGESTS, settings_digest, size_mb
from tools.lean import BUNDLES, OPERATIONS

pytestmark = pytest.mark.artifact

TEMPLATE = Template(BUILT / "template.yaml" if BUILT.exists() else ROOT / "template.yaml")
FUNCTIONS = list(TEMPLATE.of_type("AWS::Serverless::Function"))
LAYER_NAMES = list(TEMPLATE.of_type("AWS::Serverless::LayerVersion"))
# Lambda allows a function 250 MB with all of its layers, unpacked.
LAYER_SIZES_MB_MAX = {
    "DependenciesLayer": 20,
    "SharedLayer": 2,
    "AuthorizerLayer": 20,
    "ImagingLayer": 30,
    "HeifLayer": 40,
}
SAMCONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
RUNTIME_PYTHON = ROOT / ".venv-sam" / "bin" / "python"

# Asks Python's own import system for each module's code, and fails if it would compile one.
LOAD_BYTECODE = """
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

class Loader(SourceFileLoader):
    def source_to_code(self, *args, **kwargs):
        raise SystemExit(f"{self.path} would be compiled")

modules = sorted(Path(sys.argv[1]).rglob("*.py"))
for path in modules:
    Loader("module", str(path)).get_code("module")
print(len(modules))
"""


def count_compiled_modules(folder: Path, **environment: str) -> int:
    """The number of modules that the runtime's Python loads from bytecode. Fails if it would compile one."""
    done = subprocess.run(
        [RUNTIME_PYTHON, "-B", "-c", LOAD_BYTECODE, folder],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def packages(layer: str) -> Path:
    return BUILT / layer / "python"


def modules(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*.py")}


def test_shared_layer_is_the_package_shared() -> None:
    assert (packages("SharedLayer") / "shared" / "__init__.py").exists()
    assert [path.name for path in packages("SharedLayer").iterdir()] == ["shared"]
    assert modules(packages("SharedLayer") / "shared") == modules(ROOT / "shared")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_contains_only_handlers(function: str) -> None:
    nouns = {path.name for path in (ROOT / "functions").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {path.name for path in (BUILT / function).iterdir()} == nouns | {DIGESTS}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_has_the_digest_of_todays_settings(function: str) -> None:
    built = json.loads((BUILT / function / DIGESTS).read_text())
    assert built["settings"] == settings_digest(SAMCONFIG, Template(BUILT / "template.yaml").document)


def change_parameter(samconfig: Any, template: Any) -> None:
    samconfig["prod"]["deploy"]["parameters"]["parameter_overrides"].append("OpenPaymentsMax=5")


def change_default(samconfig: Any, template: Any) -> None:
    template["Parameters"]["OpenPaymentsMax"]["Default"] = 5


def change_common_variable(samconfig: Any, template: Any) -> None:
    template["Globals"]["Function"]["Environment"]["Variables"]["OPEN_PAYMENTS_MAX"] = "5"


def change_own_variable(samconfig: Any, template: Any) -> None:
    template["Resources"]["CompressImage"]["Properties"]["Environment"] = {"Variables": {"A": "5"}}


@pytest.mark.parametrize("change", [change_parameter, change_default, change_common_variable, change_own_variable])
def test_changed_setting_makes_a_new_version(change: Callable[[Any, Any], None]) -> None:
    """SAM publishes a version, and moves the alias, only when a file of the function changes."""
    samconfig, template = copy.deepcopy(SAMCONFIG), copy.deepcopy(TEMPLATE.document)
    before = settings_digest(samconfig, template)
    change(samconfig, template)
    assert settings_digest(samconfig, template) != before


@pytest.mark.parametrize("layer", LAYER_NAMES)
def test_layer_unpacks_within_its_limit(layer: str) -> None:
    assert 0 < size_mb(BUILT / layer) <= LAYER_SIZES_MB_MAX[layer]


@pytest.mark.parametrize("layer", LAYER_NAMES)
def test_layer_contains_no_requirements_file(layer: str) -> None:
    """A comment in it would publish a new version of every function."""
    assert not list(packages(layer).glob("requirements*"))


def test_botocore_contains_only_the_operations_that_are_called() -> None:
    data = packages("DependenciesLayer") / "botocore" / "data"
    services = [path for path in data.iterdir() if path.is_dir()]
    models = {path.name: json.loads(next(path.glob("*/service-2.json")).read_text()) for path in services}
    assert {name: set(model["operations"]) for name, model in models.items()} == {
        name: set(operations) for name, operations in OPERATIONS.items()
    }
    (partition,) = json.loads((data / "endpoints.json").read_text())["partitions"]
    assert set(partition["services"]) == set(OPERATIONS)


def test_layer_has_one_set_of_roots() -> None:
    """Each root of certifi's bundle is a file that OpenSSL finds by its hash."""
    python = packages("DependenciesLayer")
    roots = list((python / "certifi" / "roots").iterdir())
    assert len(roots) > 100
    assert not [bundle for bundle in BUNDLES if (python / bundle).exists()]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for root in roots:
        context.load_verify_locations(root)
    assert len(context.get_ca_certs()) == len(roots)


def test_no_function_needs_boto3() -> None:
    assert not {"boto3", "s3transfer"} & {path.name for path in packages("DependenciesLayer").iterdir()}


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/Los_Angeles"])
@pytest.mark.parametrize("part", ["SharedLayer", "DependenciesLayer", "VerifyPayment"])
def test_bytecode_stays_valid_after_unzip_in_another_time_zone(part: str, zone: str, tmp_path: Path) -> None:
    archive = tmp_path / "part.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in (BUILT / part).rglob("*"):
            zipped.write(path, path.relative_to(BUILT / part))
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(tmp_path / "unpacked")
    assert count_compiled_modules(tmp_path / "unpacked", TZ=zone) == len(modules(BUILT / part)) > 0


def test_tracebacks_name_the_path_in_lambda() -> None:
    bytecode = packages("SharedLayer") / "shared" / "__pycache__" / "money.cpython-313.pyc"
    assert b"/opt/python/shared/money.py" in bytecode.read_bytes()
    assert str(ROOT).encode() not in bytecode.read_bytes()


def versions(built: Path) -> dict[str, str]:
    """By function, the logical id of the version that SAM would publish from this build."""
    code = """
import json, sys
from pathlib import Path
from samcli.lib.utils.hash import dir_checksum
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

built = Path(sys.argv[1])
template = yaml_parse((built / "template.yaml").read_text())
for name, resource in template["Resources"].items():
    for key in ("CodeUri", "ContentUri"):
        if key in resource.get("Properties", {}):
            resource["Properties"][key] = f"s3://bucket/{dir_checksum(str(built / name))}"
defaults = {
    name: parameter["Default"] for name, parameter in template["Parameters"].items() if "Default" in parameter
}

class Policies:
    def load(self):
        return {}

transformed = transform(template, defaults, Policies())
print(json.dumps({
    resource["Properties"]["FunctionName"]["Ref"]: name
    for name, resource in transformed["Resources"].items() if resource["Type"] == "AWS::Lambda::Version"
}))
"""
    environment = {**os.environ, "AWS_DEFAULT_REGION": "ap-south-1"}
    done = subprocess.run([RUNTIME_PYTHON, "-c", code, built], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def build_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the build, which a test may change and finish again."""
    copy = tmp_path_factory.mktemp("copy") / "build"
    shutil.copytree(BUILT, copy)
    return copy


def finished_versions(built: Path) -> dict[str, str]:
    code = "import sys; from pathlib import Path; from tools.build import finish; finish(Path(sys.argv[1]))"
    subprocess.run([RUNTIME_PYTHON, "-c", code, built], cwd=ROOT, check=True)
    return versions(built)


def test_byte_changed_in_shared_publishes_every_function(build_copy: Path) -> None:
    before = versions(BUILT)
    assert sorted(before) == sorted(FUNCTIONS)
    assert finished_versions(build_copy) == before
    money = build_copy / "SharedLayer" / "python" / "shared" / "money.py"
    money.write_text(money.read_text() + "\n")
    after = finished_versions(build_copy)
    assert not set(before.values()) & set(after.values())


def test_byte_changed_in_authorizer_layer_publishes_authorizers_only(build_copy: Path) -> None:
    before = finished_versions(build_copy)
    module = next((build_copy / "AuthorizerLayer" / "python" / "jwt").glob("*.py"))
    module.write_text(module.read_text() + "\n")
    after = finished_versions(build_copy)
    assert {name for name in before if before[name] != after[name]} == {"Authorize", "AuthorizeStaff"}
