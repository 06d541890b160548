"""`make prove`: the searches in parts, each saved when it is done, and a table of everything saved.

Results are saved per state of the code. After a change to the code under test or to the searches, none is reused.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from local.template import ROOT
from tests.simulation import crash_points, fuzz, histories, interleavings, mutation
from tests.simulation.faults import FAULTS
from tests.simulation.flows.registry import FLOWS
from tests.simulation.harness import harness
from tests.simulation.mutants import CONTROL, MUTANTS
from tests.simulation.races.registry import RACES

SAVED = ROOT / ".prove"
PROVED = (
    "shared",
    "functions",
    "local/razorpay",
    "local/template.py",
    "tests/fakes",
    "tests/simulation",
    "template.yaml",
)
HISTORIES_PER_PART, INPUTS_PER_PART = 250, 5_000
PROCESSES = 3  # one more than CI has cores: the threads of a race wait for each other

Part = tuple[str, str]  # the kind of search, and which of its kind


def fingerprint() -> str:
    """A digest of the code under test and of the searches."""
    digest = hashlib.sha256()
    for name in PROVED:
        path = ROOT / name
        for file in sorted(path.rglob("*.*")) if path.is_dir() else [path]:
            if file.suffix in (".py", ".yaml") and not file.name.startswith("test_"):
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def parts(history_count: int, input_count: int) -> Iterator[Part]:
    for mutant in (CONTROL, *MUTANTS):  # the control takes longest, so it does not run alone at the end
        yield "mutants", mutant
    for flow in FLOWS:
        yield "crash points", flow
    for race in RACES:
        yield "interleavings", race
    for first in range(0, history_count, HISTORIES_PER_PART):
        yield "histories", f"{first}-{min(first + HISTORIES_PER_PART, history_count)}"
    for first in range(0, input_count, INPUTS_PER_PART):
        yield "inputs", f"{first}-{min(first + INPUTS_PER_PART, input_count)}"


def run_part(part: Part) -> dict[str, Any]:
    """Run one part in this process; returns its counts and its violations."""
    kind, which = part
    with harness():
        match kind:
            case "crash points":
                cases = [*crash_points.cases(which), *crash_points.cases(which, cold=True)]
                wrong = [text for case in cases for text in crash_points.check(case)]
                return {"calls": len(crash_points.calls_of_flow(which)), "runs": len(cases), "wrong": wrong}
            case "interleavings":
                runs = list(interleavings.every_order(which))
                return {"runs": len(runs), "wrong": [text for run in runs for text in run]}
            case "histories":
                outcomes = {seed: histories.simulate(seed) for seed in range(*map(int, which.split("-")))}
                return {
                    "runs": len(outcomes),
                    "wrong": [f"seed {seed}: {text}" for seed, run in outcomes.items() for text in run.violations],
                    "calls": sum(run.calls for run in outcomes.values()),
                    "faults": sum(run.faults for run in outcomes.values()),
                }
            case "inputs":
                first, last = map(int, which.split("-"))
                fuzzed = fuzz.fuzz(first + 1, last - first)
                return {"runs": fuzzed.inputs, "cpu_ms_max": round(fuzzed.cpu_ms_max, 1), "wrong": fuzzed.wrong}
    result = mutation.kill_in_copy(which)
    return {
        "runs": result.runs,
        "by": result.by,
        "violation": result.violation,
        "wrong": [] if result.is_expected else [str(result)],
    }


def prove(history_count: int, input_count: int) -> int:
    """Run what is not saved yet, then print the table; returns 1 if anything is wrong."""
    folder = SAVED / fingerprint()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = list(parts(history_count, input_count))
    missing = [part for part in wanted if not _path(folder, part).exists()]
    print(f"{len(wanted)} parts, {len(wanted) - len(missing)} of them in {folder.relative_to(ROOT)}", flush=True)
    began = time.monotonic()
    with ProcessPoolExecutor(PROCESSES) as pool:
        running = {pool.submit(run_part, part): part for part in missing}
        for number, future in enumerate(as_completed(running), 1):
            (kind, which), result = running[future], future.result()
            _path(folder, (kind, which)).write_text(json.dumps({"kind": kind, "which": which, **result}))
            elapsed_s = time.monotonic() - began
            wrong = f", {len(result['wrong'])} WRONG" if result["wrong"] else ""
            print(
                f"{number}/{len(missing)} {elapsed_s:6.0f} s  {kind}: {which}, {result['runs']} runs{wrong}",
                flush=True,
            )
    results = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    print(table(results))
    return 1 if any(result["wrong"] for result in results) else 0


def _path(folder: Path, part: Part) -> Path:
    return folder / f"{hashlib.sha256(json.dumps(part).encode()).hexdigest()[:16]}.json"


def table(results: list[dict[str, Any]]) -> str:
    """The table of the documentation, from all results saved for this code."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        by_kind.setdefault(result["kind"], []).append(result)
    runs = {kind: sum(result["runs"] for result in group) for kind, group in by_kind.items()}
    wrong = {kind: sum(len(result["wrong"]) for result in group) for kind, group in by_kind.items()}
    flows, seeds, mutants = (by_kind.get(kind, []) for kind in ("crash points", "histories", "mutants"))
    faults = sum(result["faults"] for result in seeds)
    rows = [
        ("flows", len(flows), ""),
        ("call points", sum(result["calls"] for result in flows), f"{len(FAULTS)} kinds of faults"),
        ("crash runs", runs.get("crash points", 0), _violations(wrong, "crash points")),
        ("orders of two and three requests", runs.get("interleavings", 0), _violations(wrong, "interleavings")),
        ("histories", runs.get("histories", 0), _violations(wrong, "histories")),
        ("calls in them", sum(result["calls"] for result in seeds), f"{faults} with a fault"),
        ("malformed inputs", runs.get("inputs", 0), _slowest(by_kind.get("inputs", []), wrong)),
        ("mutants killed", _killed(mutants), _killers(mutants)),
    ]
    lines = ["", "| | | |", "|---|---|---|", *(f"| {name} | {count} | {note} |" for name, count, note in rows)]
    order = [*MUTANTS, CONTROL]
    for result in sorted(mutants, key=lambda result: order.index(result["which"])):
        killer = result["by"] or "SURVIVED"
        lines.append(f"  {result['which']}: {killer}, run {result['runs']}: {result['violation'][:120]}")
    for result in results:
        lines += [f"  WRONG {text}{_how_to_reproduce(result['kind'], text)}" for text in result["wrong"][:5]]
    return "\n".join(lines)


def _violations(wrong: dict[str, int], kind: str) -> str:
    return f"{wrong.get(kind, 0)} violations"


def _slowest(results: list[dict[str, Any]], wrong: dict[str, int]) -> str:
    slowest = max((result["cpu_ms_max"] for result in results), default=0)
    return f"{wrong.get('inputs', 0)} failures; the slowest took {slowest} ms of CPU"


def _killed(results: list[dict[str, Any]]) -> str:
    mutants = [result for result in results if result["which"] != CONTROL]
    return f"{sum(bool(mutant['by']) for mutant in mutants)} of {len(mutants)}"


def _killers(results: list[dict[str, Any]]) -> str:
    counts = Counter(result["by"] for result in results if result["by"])
    return ", ".join(f"{count} by {by}" for by, count in counts.most_common())


def _how_to_reproduce(kind: str, text: str) -> str:
    return f"; again: make prove SEED={text.split(':')[0].split()[1]}" if kind == "histories" else ""
