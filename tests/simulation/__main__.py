"""The long runs of the simulation: `make prove`, `make planted` and `make fuzz`."""

import json
import sys

from tests.simulation import mutation, report
from tests.simulation.harness import harness
from tests.simulation.histories import simulate
from tests.simulation.mutants import CONTROL, MUTANTS

USAGE = "usage: python -m tests.simulation prove <histories> <inputs> | seed <seed> | planted [words] | fuzz <inputs>"


def main(arguments: list[str]) -> int:
    match arguments:
        case ["prove", histories, inputs]:
            return report.prove(int(histories), int(inputs))
        case ["seed", seed]:
            return _print_history(int(seed))
        case ["planted", *words]:
            return _kill_mutants(words)
        case ["fuzz", inputs]:
            return _fuzz(int(inputs))
        case ["search", runs_max, *near]:  # in the copy that holds a mutant
            with harness():
                print(json.dumps(mutation.search(int(runs_max), near)))
            return 0
    print(USAGE)
    return 2


def _print_history(seed: int) -> int:
    with harness():
        outcome = simulate(seed)
    print("\n".join([*outcome.lines, *(f"WRONG {text}" for text in outcome.violations)]))
    print(f"seed {seed}: {outcome.calls} calls, {outcome.faults} faults, {len(outcome.violations)} violations")
    return 1 if outcome.violations else 0


def _kill_mutants(words: list[str]) -> int:
    """Kill all mutants, or those whose name contains one of the words."""
    unexpected = 0
    for number, mutant in enumerate((*MUTANTS, CONTROL), 1):
        if words and not any(word in mutant for word in words):
            continue
        result = mutation.kill_in_copy(mutant)
        unexpected += not result.is_expected
        print(f"{number:3} {result}", flush=True)
    return 1 if unexpected else 0


def _fuzz(inputs: int) -> int:
    wrong = 0
    for first in range(0, inputs, report.INPUTS_PER_PART):
        result = report.run_part(("inputs", f"{first}-{min(first + report.INPUTS_PER_PART, inputs)}"))
        wrong += len(result["wrong"])
        done = first + result["runs"]
        print(f"{done} inputs, {wrong} wrong, {result['cpu_ms_max']} ms of CPU at most", flush=True)
        for text in result["wrong"][:5]:
            print(f"  {text}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
