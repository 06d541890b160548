"""`make build`: what is deployed, made by `sam build` and then finished for cold starts.

`sam build` ships neither bytecode nor a trace of which layers a function was built with, and all of botocore's data.
Here botocore keeps the services that we call, every module gets bytecode of the runtime's own Python that no clock
can make stale, and each function's folder names its layers by digest: a byte changed in a layer is then a change of
the function's own code, which is what makes SAM publish a new version of it.

Runs under the SAM CLI's own environment, whose Python is the runtime's.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from local.template import ROOT, Template

BUILT = ROOT / ".aws-sam" / "build"
HOST = ROOT / ".aws-sam" / "host"  # the same for this machine's processor, which the local AWS stand-in runs
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}

SERVICES = {"dynamodb", "s3", "secretsmanager"}  # whose data botocore keeps
LAYERS = "layers.json"  # in a function's folder: its layers and their digests


def main() -> int:
    if "--host" in sys.argv[1:]:
        template = _for_this_machine()
        build(template, HOST / "build")
    else:
        build(ROOT / "template.yaml", BUILT)
        print(_table(BUILT))
    return 0


def build(template: Path, built: Path) -> None:
    """Never from SAM's cache: after a layer that failed to build it says success, with packages missing."""
    shutil.rmtree(built, ignore_errors=True)
    sam("build", "--template-file", str(template), "--base-dir", str(ROOT), "--build-dir", str(built))
    finish(built)


def finish(built: Path) -> None:
    """Everything after `sam build`."""
    template = Template(built / "template.yaml")
    digests: dict[str, str] = {}
    for layer in template.of_type("AWS::Serverless::LayerVersion"):
        _cut_botocore(built / layer / "python" / "botocore" / "data")
        digests[layer] = digest(built / layer)
        _compile(built / layer, "/opt")
    for name, function in template.of_type("AWS::Serverless::Function").items():
        common = template.document["Globals"]["Function"]["Layers"]
        layers = [one["Ref"] for one in [*common, *function.get("Layers", [])] if "Ref" in one]
        (built / name / LAYERS).write_text(json.dumps({layer: digests[layer] for layer in layers}, indent=1))
        _compile(built / name, "/var/task")


def sam(*arguments: str, **environment: str) -> None:
    """Run the SAM CLI of our own environment, whose Python is first on the path."""
    programs = Path(sys.executable).parent
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    whole = {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0", **environment}
    subprocess.run([programs / "sam", *arguments], cwd=ROOT, env=whole, check=True)


def digest(folder: Path) -> str:
    """SHA-256 over the names and bytes of a folder's files, bytecode left out."""
    total = hashlib.sha256()
    for path in sorted(files(folder)):
        total.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")


def _cut_botocore(data: Path) -> None:
    for service in data.iterdir() if data.exists() else ():
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)


def _compile(folder: Path, seen_as: str) -> None:
    """Bytecode whose tracebacks name the path in Lambda."""
    command = [sys.executable, "-m", "compileall", "-q", "-j0", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*command, "-s", str(folder), "-p", seen_as, str(folder)], check=True)


def _for_this_machine() -> Path:
    """The template for this processor, and so that `sam local` can follow it.

    It gets a variable that says where AWS is, for env.local.json to fill in, and an authorizer without its alias.
    """
    text = (ROOT / "template.yaml").read_text()
    text = text.replace("        STAGE: !Ref Stage\n", '        STAGE: !Ref Stage\n        AWS_ENDPOINT_URL: ""\n')
    text = text.replace("FunctionArn: !Ref Authorize.Alias", "FunctionArn: !GetAtt Authorize.Arn")
    HOST.mkdir(parents=True, exist_ok=True)
    path = HOST / "template.yaml"
    path.write_text(text.replace("arm64", MACHINES[platform.machine().lower()]))
    return path


def _table(built: Path) -> str:
    template = Template(built / "template.yaml")
    lines = ["", "layer                       MB unpacked"]
    for layer in template.of_type("AWS::Serverless::LayerVersion"):
        lines.append(f"{layer:<28}{size_mb(built / layer):>11.1f}")
    return "\n".join(lines)


def size_mb(folder: Path) -> float:
    """Unpacked, bytecode included, in millions of bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    sys.exit(main())
