"""The long proofs, as `make prove`, `make planted` and `make fuzz` call them."""

import json
import sys

from tests.prove import planted, report
from tests.prove.simulation import simulate
from tests.prove.world import stage

USAGE = "usage: python -m tests.prove prove <histories> <inputs> | seed <seed> | planted [words] | fuzz <inputs>"


def main(arguments: list[str]) -> int:
    match arguments:
        case ["prove", histories, inputs]:
            return report.prove(int(histories), int(inputs))
        case ["seed", seed]:
            return _told(int(seed))
        case ["planted", *only]:
            return _planted(only)
        case ["fuzz", inputs]:
            return _fuzzed(int(inputs))
        case ["hunt", seeds_max]:
            with stage():
                print(json.dumps(planted.hunt(int(seeds_max))))
            return 0
    print(USAGE)
    return 2


def _told(seed: int) -> int:
    """One history aloud."""
    with stage():
        outcome = simulate(seed)
    print("\n".join([*outcome.told, *(f"WRONG {text}" for text in outcome.violations)]))
    print(f"seed {seed}: {outcome.calls} calls, {outcome.faults} faults, {len(outcome.violations)} violations")
    return 1 if outcome.violations else 0


def _planted(only: list[str]) -> int:
    missed = 0
    for number, bug in enumerate((*planted.PLANTED, planted.NOTHING), 1):
        if only and not any(word in bug for word in only):
            continue
        caught = planted.hunt_in_a_copy(bug)
        missed += not caught.is_right
        print(f"{number:3} {caught.told}", flush=True)
    return 1 if missed else 0


def _fuzzed(inputs: int) -> int:
    wrong = 0
    for first in range(0, inputs, report.INPUTS_A_PART):
        found = report.done(("inputs", f"{first}-{min(first + report.INPUTS_A_PART, inputs)}"))
        wrong += len(found["wrong"])
        print(f"{first + found['runs']} inputs, {wrong} wrong, {found['cpu_ms_max']} ms of CPU at most", flush=True)
        for text in found["wrong"][:5]:
            print(f"  {text}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
