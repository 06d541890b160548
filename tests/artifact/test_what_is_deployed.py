"""Opens what `make build` made: packages, bytecode, botocore's data, and what a changed byte does."""

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from local.build import BUILT, LAYERS, SERVICES, size_mb
from local.template import ROOT, Template

pytestmark = pytest.mark.artifact

TEMPLATE = Template(BUILT / "template.yaml" if BUILT.exists() else ROOT / "template.yaml")
FUNCTIONS = list(TEMPLATE.of_type("AWS::Serverless::Function"))
# The most megabytes a layer may unpack to; Lambda allows 250 for all of a function's together.
SIZES_MB_MAX = {"DependenciesLayer": 22, "SharedLayer": 1, "AuthorizerLayer": 20, "ImagingLayer": 30, "HeifLayer": 40}
RUNTIME_PYTHON = ROOT / ".venv-sam" / "bin" / "python"

# Asks Python's own import system for each module's code, and fails where it would compile.
TAKES_BYTECODE = """
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

class Loader(SourceFileLoader):
    def source_to_code(self, *args, **kwargs):
        raise SystemExit(f"{self.path} is compiled again")

modules = sorted(Path(sys.argv[1]).rglob("*.py"))
for path in modules:
    Loader("module", str(path)).get_code("module")
print(len(modules))
"""


def fresh_modules(folder: Path, **environment: str) -> int:
    """How many modules the runtime's Python takes from bytecode; one that it would compile fails the test."""
    done = subprocess.run(
        [RUNTIME_PYTHON, "-B", "-c", TAKES_BYTECODE, folder],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def layer_of(name: str) -> Path:
    return BUILT / name / "python"


def test_shared_is_imported_as_shared_and_is_all_of_its_layer() -> None:
    assert (layer_of("SharedLayer") / "shared" / "__init__.py").exists()
    assert [path.name for path in layer_of("SharedLayer").iterdir()] == ["shared"]
    deployed = {path.name for path in (layer_of("SharedLayer") / "shared").glob("*.py")}
    assert deployed == {path.name for path in (ROOT / "shared").glob("*.py")}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_carries_handlers_and_nothing_else(function: str) -> None:
    nouns = {path.name for path in (ROOT / "functions").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {path.name for path in (BUILT / function).iterdir()} == nouns | {LAYERS}


@pytest.mark.parametrize("layer", TEMPLATE.of_type("AWS::Serverless::LayerVersion"))
def test_a_layer_unpacks_to_no_more_than_it_may(layer: str) -> None:
    assert 0 < size_mb(BUILT / layer) <= SIZES_MB_MAX[layer]


def test_botocore_knows_the_services_that_are_called_and_no_other() -> None:
    data = layer_of("DependenciesLayer") / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == SERVICES
    assert {"endpoints.json", "partitions.json", "_retry.json"} <= {path.name for path in data.iterdir()}


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/Los_Angeles"])
@pytest.mark.parametrize("part", ["SharedLayer", "DependenciesLayer", "VerifyPayment"])
def test_bytecode_is_fresh_after_zip_and_unzip_in_another_time_zone(part: str, zone: str, tmp_path: Path) -> None:
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as zipped:
        for path in (BUILT / part).rglob("*"):
            zipped.write(path, path.relative_to(BUILT / part))
    with zipfile.ZipFile(packed) as zipped:
        zipped.extractall(tmp_path / "unpacked")
    assert fresh_modules(tmp_path / "unpacked", TZ=zone) == len(list((BUILT / part).rglob("*.py"))) > 0


def test_tracebacks_name_the_path_in_lambda() -> None:
    bytecode = layer_of("SharedLayer") / "shared" / "__pycache__" / "wallet.cpython-313.pyc"
    assert b"/opt/python/shared/wallet.py" in bytecode.read_bytes()
    assert str(ROOT).encode() not in bytecode.read_bytes()


def versions(built: Path) -> dict[str, str]:
    """The logical id of the version that SAM would publish of each function, from what was built."""
    code = """
import json, sys
from pathlib import Path
from samcli.lib.utils.hash import dir_checksum
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

built = Path(sys.argv[1])
template = yaml_parse((built / "template.yaml").read_text())
for name, resource in template["Resources"].items():
    for place in ("CodeUri", "ContentUri"):
        if place in resource.get("Properties", {}):
            resource["Properties"][place] = f"s3://bucket/{dir_checksum(str(built / name))}"
defaults = {name: one["Default"] for name, one in template["Parameters"].items() if "Default" in one}

class Policies:
    def load(self):
        return {}

made = transform(template, defaults, Policies())
print(json.dumps({
    one["Properties"]["FunctionName"]["Ref"]: name
    for name, one in made["Resources"].items() if one["Type"] == "AWS::Lambda::Version"
}))
"""
    environment = {**os.environ, "AWS_DEFAULT_REGION": "ap-south-1"}
    done = subprocess.run([RUNTIME_PYTHON, "-c", code, built], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what was built, for a test to change and finish again."""
    copy = tmp_path_factory.mktemp("rebuilt") / "build"
    shutil.copytree(BUILT, copy)
    return copy


def finished(built: Path) -> dict[str, str]:
    code = "import sys; from pathlib import Path; from local.build import finish; finish(Path(sys.argv[1]))"
    subprocess.run([RUNTIME_PYTHON, "-c", code, built], cwd=ROOT, check=True)
    return versions(built)


def test_a_byte_changed_in_shared_publishes_a_new_version_of_every_function(rebuilt: Path) -> None:
    before = versions(BUILT)
    assert sorted(before) == sorted(FUNCTIONS)
    assert finished(rebuilt) == before
    money = rebuilt / "SharedLayer" / "python" / "shared" / "money.py"
    money.write_text(money.read_text() + "\n")
    after = finished(rebuilt)
    assert not set(before.values()) & set(after.values())


def test_a_byte_changed_in_one_functions_own_layer_publishes_that_function_alone(rebuilt: Path) -> None:
    before = finished(rebuilt)
    module = next((rebuilt / "AuthorizerLayer" / "python" / "jwt").glob("*.py"))
    module.write_text(module.read_text() + "\n")
    after = finished(rebuilt)
    assert {name for name in before if before[name] != after[name]} == {"Authorize"}
