"""`make prove`, `make planted` and `make fuzz`: the long proofs, with progress, and the table at the end."""

import json
import sys

from tests.prove import planted
from tests.prove.world import stage


def main(arguments: list[str]) -> int:
    match arguments:
        case ["hunt", seeds_max]:
            with stage():
                print(json.dumps(planted.hunt(int(seeds_max))))
            return 0
        case ["planted", *only]:
            return _planted(only)
    print(__doc__)
    return 2


def _planted(only: list[str]) -> int:
    missed = 0
    for number, bug in enumerate(planted.PLANTED, 1):
        if only and not any(word in bug for word in only):
            continue
        caught = planted.hunt_in_a_copy(bug)
        missed += not caught.by
        by = f"{caught.by}, run {caught.runs}: {caught.saw[:150]}" if caught.by else "NOT CAUGHT"
        print(f"{number:3} {bug}: {by}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
