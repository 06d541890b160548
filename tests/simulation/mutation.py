"""Kills mutants: each is applied to a copy of the code, and the searches run there until one finds a violation."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from local.template import ROOT
from tests.simulation.mutants import CONTROL, MUTANTS

RUNS_MAX = 2_000  # of each kind of search
KILL_TIMEOUT_S = 900
COPIED = ("shared", "functions", "local", "tests", "template.yaml", "openapi.json")


@dataclass(frozen=True)
class KillResult:
    """Which search saw the mutant, in which run, and the violation; `by` is empty if none saw it."""

    mutant: str
    by: str
    runs: int
    violation: str

    @property
    def is_expected(self) -> bool:
        """Whether a mutant was killed, or the control survived."""
        return bool(self.by) != (self.mutant == CONTROL)

    def __str__(self) -> str:
        seen = f"{self.by}, run {self.runs}: {self.violation[:150]}" if self.by else f"survived {self.runs} runs"
        return f"{self.mutant}: {seen}"


def mutated_files(name: str, root: Path = ROOT) -> dict[str, str]:
    """The mutant's files with its edits made; ValueError if an edit no longer matches the code."""
    texts: dict[str, str] = {}
    for edit in MUTANTS[name].edits if name != CONTROL else ():
        text = texts.get(edit.file) or (root / edit.file).read_text()
        if text.count(edit.old) != 1:
            raise ValueError(f"{name}: {edit.file} contains its text {text.count(edit.old)} times")
        texts[edit.file] = text.replace(edit.old, edit.new)
    return texts


def kill_in_copy(name: str) -> KillResult:
    """Apply the mutant to a copy of the code, and search for a violation there."""
    near = MUTANTS[name].near if name != CONTROL else ()
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder)
        for item in COPIED:
            source = ROOT / item
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
            if source.is_dir():
                shutil.copytree(source, copy / item, ignore=ignored)
            else:
                shutil.copy(source, copy / item)
        for item, text in mutated_files(name).items():
            (copy / item).write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "tests.simulation", "search", str(RUNS_MAX), *near],
            cwd=copy,
            capture_output=True,
            text=True,
            timeout=KILL_TIMEOUT_S,
        )
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        raise RuntimeError(f"{name}: the search itself failed: {done.stderr[-2_000:]}")
    return KillResult(name, **json.loads(lines[-1]))


def search(runs_max: int, near: Sequence[str] = ()) -> dict[str, object]:
    """Search the code as it stands until there is a violation: one run of each kind in turn.

    Flows and races whose names contain one of the words in `near` come first.
    """
    searches = {
        "crash points": islice(_crash_points(near), runs_max),
        "interleavings": islice(_interleavings(near), runs_max),
        "histories": islice(_histories(), runs_max),
    }
    runs = dict.fromkeys(searches, 0)
    while searches:
        for by, results in list(searches.items()):
            runs[by] += 1
            try:
                found = next(results, None)
            except Exception as error:  # a mutant may break a flow altogether, which counts as seen
                found = [f"{type(error).__name__}: {error}"]
            if found:
                return {"by": by, "runs": runs[by], "violation": found[0]}
            if found is None:
                del searches[by]
    return {"by": "", "runs": sum(runs.values()), "violation": ""}


def _crash_points(near: Sequence[str]) -> Iterator[list[str]]:
    from tests.simulation import crash_points
    from tests.simulation.flows.registry import FLOWS

    for name in _nearest_first(FLOWS, near):
        for case in (*crash_points.cases(name), *crash_points.cases(name, cold=True)):
            yield crash_points.check(case)


def _interleavings(near: Sequence[str]) -> Iterator[list[str]]:
    from tests.simulation.interleavings import every_order
    from tests.simulation.races.registry import RACES

    for name in _nearest_first(RACES, near):
        yield from every_order(name)


def _nearest_first(names: Iterable[str], near: Sequence[str]) -> list[str]:
    return sorted(names, key=lambda name: not any(word in name for word in near))


def _histories() -> Iterator[list[str]]:
    from tests.simulation.histories import simulate

    for seed in count():
        yield simulate(seed).violations
