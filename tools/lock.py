"""`make lock`: pin every package that the `.in` files need, with hashes, in the `.txt` file beside each.

A version that is already pinned stays until it no longer fits. UPGRADE=boto3 moves one package to its newest
release, UPGRADE=all moves every package.
"""

import os
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


@dataclass(frozen=True)
class Lock:
    source: str
    python: str
    options: tuple[str, ...] = ()

    @property
    def output(self) -> str:
        return self.source.removesuffix(".in") + ".txt"


# The layers come first: requirements.in includes what they pin.
LOCKS = (
    Lock("layers/dependencies/requirements.in", RUNTIME),
    Lock("layers/authorizer/requirements.in", RUNTIME),
    Lock("layers/imaging/requirements.in", RUNTIME),
    Lock("layers/heif/requirements.in", RUNTIME, ("--no-emit-package", "pillow")),
    Lock("requirements.in", OLDEST),
    Lock("tools/requirements/ministack.in", OLDEST),
    Lock("tools/requirements/checkov.in", OLDEST),
    Lock("tools/requirements/sam.in", RUNTIME),
    Lock("tools/requirements/stack.in", RUNTIME),
    Lock("tools/requirements/lock.in", OLDEST),
    Lock("tools/requirements/clients.in", OLDEST),
    Lock("tests/bench/requirements.in", OLDEST),
    Lock("tests/bench/pyvips.in", OLDEST),
)


def main() -> int:
    wanted = os.environ.get("UPGRADE", "")
    upgrade = ["--upgrade"] if wanted == "all" else ["--upgrade-package", wanted] if wanted else []
    for number, lock in enumerate(LOCKS, 1):
        print(f"{lock.output} ({number} of {len(LOCKS)})", end=" ", flush=True)
        started, before = time.monotonic(), read(lock.output)
        problem = compile_lock(lock, upgrade)
        if problem:
            print(f"\n{lock.source} cannot be pinned:\n{problem}", file=sys.stderr)
            return 1
        result = "unchanged" if read(lock.output) == before else "changed"
        print(f"{result}, {time.monotonic() - started:.0f} s")
    return 0


def compile_lock(lock: Lock, upgrade: list[str]) -> str:
    """Write the output file; the error text if that failed, else an empty string."""
    command = [
        str(UV),
        "pip",
        "compile",
        "--quiet",
        "--python-version",
        lock.python,
        *OPTIONS,
        *lock.options,
        *upgrade,
    ]
    done = subprocess.run(
        [*command, "--output-file", lock.output, lock.source], cwd=ROOT, capture_output=True, text=True
    )
    return done.stderr if done.returncode else ""


def read(path: str) -> str:
    file = ROOT / path
    return file.read_text() if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
