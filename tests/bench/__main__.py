"""`make bench`: what photos, cold starts and warm calls cost, each beside peers that take turns in the same run.

PART names one of the parts: photos, cold, warm or load. ROUNDS=5 is the number of rounds, REQUESTS=30000 that of
requests under load, and ONLY a part of a function's name.
"""

import os
import subprocess
import sys
from collections.abc import Callable

from local.template import ROOT
from tests.bench import cold, load, warm

ROUNDS = int(os.environ.get("ROUNDS", "5"))
ONLY = os.environ.get("ONLY", "")


def photos() -> None:
    """In an environment of its own, with the tools that it compares."""
    subprocess.run([ROOT / ".venv-bench" / "bin" / "python", "-m", "tests.bench.photos"], cwd=ROOT, check=True)


PARTS: dict[str, Callable[[], None]] = {
    "photos": photos,
    "cold": lambda: cold.main(ROUNDS, ONLY),
    "warm": lambda: warm.main(ROUNDS, ONLY),
    "load": lambda: load.main(int(os.environ.get("REQUESTS", "30000"))),
}


def main() -> None:
    wanted = os.environ.get("PART")
    if wanted and wanted not in PARTS:
        sys.exit(f"PART is one of {', '.join(PARTS)}")
    for name, run in PARTS.items():
        if wanted in (None, "", name):
            print(f"\n# {name}", flush=True)
            run()


if __name__ == "__main__":
    main()
