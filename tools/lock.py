"""`make lock`: pin the packages of each layer, of the project and of each dependency group, with hashes.

A version that is already pinned stays until it no longer fits. UPGRADE=boto3 moves one package to its newest
release, UPGRADE=all moves every package. `make outdated` lists what UPGRADE=all would move, and changes nothing.
"""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".venv-lock" / "bin" / "uv"
# One output serves every platform: it holds the hashes of all wheels, the arm64 ones of Lambda among them.
OPTIONS = ("--universal", "--generate-hashes", "--no-annotate", "--no-header", "--no-python-downloads")
OLDEST = "3.11"  # the oldest Python that the project runs on
RUNTIME = "3.13"  # the Python of the deployed functions and of the SAM CLI's environment
PIN = re.compile(r"^([\w.-]+)==([^\s;]+)", re.MULTILINE)


@dataclass(frozen=True)
class Lock:
    """Pins of the packages in `source`, of a dependency group, or of both."""

    output: str
    python: str
    source: str = ""
    group: str = ""
    constraints: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def arguments(self) -> list[str]:
        constraints = [word for path in self.constraints for word in ("--constraints", path)]
        group = ["--group", self.group] if self.group else []
        return [*constraints, *group, *self.options, *([self.source] if self.source else [])]


def _layer(name: str, *options: str) -> Lock:
    folder = f"layers/{name}/requirements"
    return Lock(f"{folder}.txt", RUNTIME, f"{folder}.in", options=options)


# In this order: the project runs what the layers ship, and the tests run what the project pins.
LAYERS = (_layer("dependencies"), _layer("authorizer"), _layer("imaging"))
RUN = Lock("requirements.txt", OLDEST, "pyproject.toml", constraints=tuple(layer.output for layer in LAYERS))
DEV = Lock("tools/requirements/dev.txt", OLDEST, "pyproject.toml", "dev", (RUN.output,))
LOCKS = (
    *LAYERS,
    _layer("heif", "--no-emit-package", "pillow"),
    RUN,
    DEV,
    Lock("tools/requirements/ministack.txt", OLDEST, group="ministack"),
    Lock("tools/requirements/checkov.txt", OLDEST, group="checkov"),
    Lock("tools/requirements/sam.txt", RUNTIME, group="sam"),
    Lock("tools/requirements/stack.txt", RUNTIME, group="stack"),
    Lock("tools/requirements/lock.txt", OLDEST, group="lock"),
    Lock("tools/requirements/clients.txt", OLDEST, group="clients"),
    Lock("tests/bench/requirements.txt", OLDEST, group="bench"),
    Lock("tests/bench/lambda.txt", RUNTIME, group="lambda"),
    Lock("tests/bench/pyvips.txt", OLDEST, group="pyvips"),
)


def main() -> int:
    if sys.argv[1:] == ["outdated"]:
        return outdated()
    wanted = os.environ.get("UPGRADE", "")
    upgrade = ["--upgrade"] if wanted == "all" else ["--upgrade-package", wanted] if wanted else []
    for number, lock in enumerate(LOCKS, 1):
        print(f"{lock.output} ({number} of {len(LOCKS)})", end=" ", flush=True)
        started, before = time.monotonic(), read(lock.output)
        done = compile_lock(lock, *upgrade, "--output-file", lock.output)
        if done.returncode:
            print(f"\n{lock.output} cannot be written:\n{done.stderr}", file=sys.stderr)
            return 1
        result = "unchanged" if read(lock.output) == before else "changed"
        print(f"{result}, {time.monotonic() - started:.0f} s")
    return 0


def outdated() -> int:
    """Print each pin that the newest releases would change: the package, both versions and the file."""
    found = False
    for lock in LOCKS:
        done = compile_lock(lock, "--upgrade", "--refresh")
        if done.returncode:
            print(f"The newest releases for {lock.output} cannot be resolved:\n{done.stderr}", file=sys.stderr)
            return 1
        for line in moves(read(lock.output), done.stdout):
            print(f"{lock.output}: {line}", flush=True)
            found = True
    print("UPGRADE=<package> make lock moves one, UPGRADE=all every one." if found else "Every pin is the newest.")
    return 0


def moves(pinned: str, newest: str) -> list[str]:
    """The packages whose version differs between two files of pins, each as `name 1.0 -> 2.0`."""
    before, after = dict(PIN.findall(pinned)), dict(PIN.findall(newest))
    return [
        f"{name} {before.get(name, 'absent')} -> {after.get(name, 'absent')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def compile_lock(lock: Lock, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [str(UV), "pip", "compile", "--quiet", "--python-version", lock.python, *OPTIONS]
    return subprocess.run([*command, *lock.arguments, *options], cwd=ROOT, capture_output=True, text=True)


def read(path: str) -> str:
    file = ROOT / path
    return file.read_text() if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
