"""`make prove`: the proofs in parts, each kept when it is done, and the table over all that were kept.

Parts are kept for the code as it stands: a changed file of what is proved, or of the proofs, begins anew.
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
from tests.prove import crashes, fuzz, interleavings, planted, simulation
from tests.prove.faults import FAULTS
from tests.prove.flows import FLOWS
from tests.prove.world import stage

KEPT = ROOT / ".prove"
PROVED = ("shared", "functions", "local/gateway.py", "local/template.py", "tests/prove", "template.yaml")
HISTORIES_A_PART, INPUTS_A_PART = 250, 5_000
PROCESSES = 2

Part = tuple[str, str]  # what is done, and which of it


def fingerprint() -> str:
    """Of the code under proof and of the proofs."""
    digest = hashlib.sha256()
    for name in PROVED:
        path = ROOT / name
        for file in sorted(path.rglob("*.*")) if path.is_dir() else [path]:
            if file.suffix in (".py", ".yaml") and not file.name.startswith("test_"):
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def parts(histories: int, inputs: int) -> Iterator[Part]:
    for flow in FLOWS:
        yield "crash points", flow
    for meeting in interleavings.MEETINGS:
        yield "interleavings", meeting
    for first in range(0, histories, HISTORIES_A_PART):
        yield "histories", f"{first}-{min(first + HISTORIES_A_PART, histories)}"
    for first in range(0, inputs, INPUTS_A_PART):
        yield "inputs", f"{first}-{min(first + INPUTS_A_PART, inputs)}"
    for bug in (*planted.PLANTED, planted.NOTHING):
        yield "planted", bug


def done(part: Part) -> dict[str, Any]:
    """One part, in a process of its own: counts, and what it found wrong."""
    kind, which = part
    with stage():
        match kind:
            case "crash points":
                cases = [*crashes.cases(which), *crashes.cases(which, cold=True)]
                wrong = [text for case in cases for text in crashes.check(case)]
                return {"calls": len(crashes.calls_of(which)), "runs": len(cases), "wrong": wrong}
            case "interleavings":
                runs = list(interleavings.every_order(which))
                return {"runs": len(runs), "wrong": [text for run in runs for text in run]}
            case "histories":
                seeds = range(*map(int, which.split("-")))
                outcomes = {seed: simulation.simulate(seed) for seed in seeds}
                wrong = [f"seed {seed}: {text}" for seed, one in outcomes.items() for text in one.violations]
                counts = {name: sum(getattr(one, name) for one in outcomes.values()) for name in ("calls", "faults")}
                return {"runs": len(outcomes), "wrong": wrong, **counts}
            case "inputs":
                first, last = map(int, which.split("-"))
                found = fuzz.fuzz(first + 1, last - first)
                return {"runs": found.inputs, "cpu_ms_max": round(found.cpu_ms_max, 1), "wrong": found.wrong}
    caught = planted.hunt_in_a_copy(which)
    return {
        "runs": caught.runs,
        "by": caught.by,
        "saw": caught.saw,
        "wrong": [] if caught.is_right else [caught.told],
    }


def prove(histories: int, inputs: int) -> int:
    """Do what is not kept yet, then print the table; 1 when anything is wrong."""
    folder = KEPT / fingerprint()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = list(parts(histories, inputs))
    missing = [part for part in wanted if not _path(folder, part).exists()]
    print(f"{len(wanted)} parts, {len(wanted) - len(missing)} of them kept in {folder.relative_to(ROOT)}", flush=True)
    began = time.monotonic()
    with ProcessPoolExecutor(PROCESSES) as pool:
        running = {pool.submit(done, part): part for part in missing}
        for number, future in enumerate(as_completed(running), 1):
            part, result = running[future], future.result()
            kept = {"kind": part[0], "which": part[1], **result}
            _path(folder, part).write_text(json.dumps(kept))
            spent_s = time.monotonic() - began
            wrong = f", {len(result['wrong'])} WRONG" if result["wrong"] else ""
            print(
                f"{number}/{len(missing)} {spent_s:6.0f} s  {part[0]}: {part[1]}, {result['runs']} runs{wrong}",
                flush=True,
            )
    results = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    print(table(results))
    return 1 if any(one["wrong"] for one in results) else 0


def _path(folder: Path, part: Part) -> Path:
    return folder / f"{hashlib.sha256(json.dumps(part).encode()).hexdigest()[:16]}.json"


def table(results: list[dict[str, Any]]) -> str:
    """The README's table, of all that was kept for this code."""
    of: dict[str, list[dict[str, Any]]] = {}
    for one in results:
        of.setdefault(one["kind"], []).append(one)
    runs = {kind: sum(one["runs"] for one in many) for kind, many in of.items()}
    wrong = {kind: sum(len(one["wrong"]) for one in many) for kind, many in of.items()}
    points, histories = of.get("crash points", []), of.get("histories", [])
    faults = sum(one["faults"] for one in histories)
    rows = [
        ("flows", len(points), ""),
        ("call points", sum(one["calls"] for one in points), f"{len(FAULTS)} kinds of faults"),
        ("crash runs", runs.get("crash points", 0), _violations(wrong, "crash points")),
        ("orders of two and three requests", runs.get("interleavings", 0), _violations(wrong, "interleavings")),
        ("histories", runs.get("histories", 0), _violations(wrong, "histories")),
        ("calls in them", sum(one["calls"] for one in histories), f"{faults} met a fault"),
        ("ugly inputs", runs.get("inputs", 0), _dearest(of.get("inputs", []), wrong)),
        ("planted bugs caught", _caught(of.get("planted", [])), _by(of.get("planted", []))),
    ]
    lines = ["", "| | | |", "|---|---|---|", *(f"| {name} | {count} | {note} |" for name, count, note in rows)]
    order = [*planted.PLANTED, planted.NOTHING]
    for one in sorted(of.get("planted", []), key=lambda one: order.index(one["which"])):
        lines.append(f"  {one['which']}: {one['by'] or 'NOT CAUGHT'}, run {one['runs']}: {one['saw'][:120]}")
    for one in results:
        lines += [f"  WRONG {text}{_replay(one['kind'], text)}" for text in one["wrong"][:5]]
    return "\n".join(lines)


def _violations(wrong: dict[str, int], kind: str) -> str:
    return f"{wrong.get(kind, 0)} violations"


def _dearest(inputs: list[dict[str, Any]], wrong: dict[str, int]) -> str:
    dearest = max((one["cpu_ms_max"] for one in inputs), default=0)
    return f"{wrong.get('inputs', 0)} escaped; the dearest took {dearest} ms of CPU"


def _caught(bugs: list[dict[str, Any]]) -> str:
    real = [one for one in bugs if one["which"] != planted.NOTHING]
    return f"{sum(bool(one['by']) for one in real)} of {len(real)}"


def _by(bugs: list[dict[str, Any]]) -> str:
    counts = Counter(one["by"] for one in bugs if one["by"])
    return ", ".join(f"{count} by {by}" for by, count in counts.most_common())


def _replay(kind: str, text: str) -> str:
    return f"; again: make prove SEED={text.split(':')[0].split()[1]}" if kind == "histories" else ""
