"""`make build`: run `sam build`, then prepare the result for fast cold starts.

`sam build` ships no bytecode, all of botocore's data, and no record of the layers that a function was built with.
Here tools/lean.py trims the packages, every module gets bytecode of the runtime's own Python that does not
depend on file times, and each function's folder has digests of its layers and of its settings. SAM publishes a new
version of a function only when its code changes; with the digests, a change of a layer or of a setting is one.

Runs in the SAM CLI's environment, whose Python is the runtime's.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.template import ROOT, Template
from tools.host_template import Host, write_host_template
from tools.lean import make_lean

BUILT = ROOT / ".aws-sam" / "build"
# The same for this machine's processor. `sam local` finds its folder in samconfig.toml.
FOLDERS = {Host.SAM_LOCAL: ROOT / ".aws-sam" / "host", Host.STACK: ROOT / ".aws-sam" / "stack"}
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}

DIGESTS = "digests.json"  # in a function's folder: of what else makes a new version of it


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.build", description="Build what is deployed.")
    parser.add_argument("--host", type=Host, choices=list(Host), help="build for this machine instead of AWS")
    host = parser.parse_args().host
    if host is None:
        build(ROOT / "template.yaml", BUILT)
        print(_sizes(BUILT))
    else:
        architecture = ARCHITECTURES[platform.machine().lower()]
        template = write_host_template(ROOT / "template.yaml", FOLDERS[host], host, architecture)
        build(template, FOLDERS[host] / "build")
    return 0


def build(template: Path, built: Path) -> None:
    """Build without SAM's cache: with it, a build after a layer that failed reports success and misses packages."""
    shutil.rmtree(built, ignore_errors=True)
    sam("build", "--template-file", str(template), "--base-dir", str(ROOT), "--build-dir", str(built))
    finish(built)


def finish(built: Path) -> None:
    """Everything after `sam build`. Running it again after a change brings the digests and bytecode up to date."""
    template = Template(built / "template.yaml")
    digests: dict[str, str] = {}
    for layer in template.of_type("AWS::Serverless::LayerVersion"):
        make_lean(built / layer / "python")
        for requirements in (built / layer / "python").glob("requirements.*"):
            requirements.unlink()  # a comment in them would publish a new version of every function
        digests[layer] = digest(built / layer)
        _compile(built / layer, "/opt")
    common = template.document["Globals"]["Function"]["Layers"]
    settings = settings_digest(tomllib.loads((ROOT / "samconfig.toml").read_text()), template.document)
    for name, function in template.of_type("AWS::Serverless::Function").items():
        # A layer that another stack publishes is given by its ARN, and the ARN names its version.
        layers = [layer["Ref"] for layer in [*common, *function.get("Layers", [])] if "Ref" in layer]
        shipped = {layer: digests[layer] for layer in layers} | {"settings": settings}
        (built / name / DIGESTS).write_text(json.dumps(shipped, indent=1))
        _compile(built / name, "/var/task")


def sam(*arguments: str) -> None:
    """Run the SAM CLI of this environment, with the environment's Python first on the path."""
    programs = Path(sys.executable).parent
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"}
    subprocess.run([programs / "sam", *arguments], cwd=ROOT, env=environment, check=True)


def settings_digest(samconfig: Mapping[str, Any], template: Mapping[str, Any]) -> str:
    """SHA-256 of all that can set an environment variable: the parameters of every environment, and the template."""
    overrides = {name: table.get("deploy", {}) for name, table in samconfig.items() if name != "version"}
    environments = [
        resource["Properties"].get("Environment")
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    settings = [overrides, template["Parameters"], template["Globals"]["Function"], environments]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def digest(folder: Path) -> str:
    """SHA-256 over the names and bytes of a folder's files, without bytecode."""
    total = hashlib.sha256()
    for path in sorted(files(folder)):
        total.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")


def _compile(folder: Path, path_in_lambda: str) -> None:
    """Write bytecode whose tracebacks name the path in Lambda."""
    command = [sys.executable, "-m", "compileall", "-q", "-j0", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*command, "-s", str(folder), "-p", path_in_lambda, str(folder)], check=True)


def _sizes(built: Path) -> str:
    lines = ["", "layer                       MB unpacked"]
    for layer in Template(built / "template.yaml").of_type("AWS::Serverless::LayerVersion"):
        lines.append(f"{layer:<28}{size_mb(built / layer):>11.1f}")
    return "\n".join(lines)


def size_mb(folder: Path) -> float:
    """Unpacked size with bytecode, in millions of bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    sys.exit(main())
