"""`make differential`: what our pipeline and libvips make of several hundred files of every kind.

The verdict, the size, the orientation and the colours must be the same, except for the differences in allowed.py. The
files are made here; PHOTOS may name a folder of real ones.
"""

import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.differential.allowed import ALLOWED, Allowed
from tests.differential.avif_files import avif_files
from tests.differential.compare import Difference, difference
from tests.differential.files import File, Files
from tests.differential.jpeg_files import jpeg_files
from tests.differential.png_files import png_files
from tests.differential.webp_files import webp_files

PHOTOS = os.environ.get("PHOTOS", "")
PHOTO_SUFFIXES = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp", ".avif": "avif"}
REAL = "real photo"  # or a hostile file that somebody collected
PROCESSES = min(2, os.cpu_count() or 1)
PROGRESS_FILES = 100
NO_END = (
    "no end marker",
    "no end marker but a trailer",
)  # libvips calls these truncated, and shows them all the same


class Outcome(NamedTuple):
    file: int
    ours: str
    theirs: str
    difference: Difference | None


def main() -> int:
    try:
        import pyvips
    except (ImportError, OSError) as missing:
        print(f"make differential needs pyvips, which has no package for this machine: {missing}")
        return 0
    print(f"pyvips {pyvips.__version__}, libvips {'.'.join(str(pyvips.version(part)) for part in range(3))}")
    FILES.extend([*jpeg_files(), *png_files(), *webp_files(), *avif_files(), *_photos()])
    started = time.monotonic()
    outcomes = []
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        for outcome in pool.imap_unordered(_compare, range(len(FILES)), chunksize=4):
            outcomes.append(outcome)
            if len(outcomes) % PROGRESS_FILES == 0 or len(outcomes) == len(FILES):
                print(f"{len(outcomes)} of {len(FILES)} files, {time.monotonic() - started:.0f} s", flush=True)
    return _report(sorted(outcomes))


FILES: list[File] = []


def _compare(number: int) -> Outcome:
    file = FILES[number]
    our, their, found = difference(file.make(), is_lenient=file.kind in NO_END, is_hostile=file.kind == REAL)
    return Outcome(number, our.verdict, their.verdict, found)


def _photos() -> Files:
    for path in sorted(Path(PHOTOS).rglob("*")) if PHOTOS else ():
        if path.suffix.lower() in PHOTO_SUFFIXES:
            yield File(PHOTO_SUFFIXES[path.suffix.lower()], REAL, path.name, path.read_bytes)


def _allowance(file: File, found: Difference) -> Allowed | None:
    for allowed in ALLOWED:
        if allowed[:3] == (file.format, file.kind, found.what) and (not allowed.names or file.name in allowed.names):
            return allowed
    return None


def _report(outcomes: list[Outcome]) -> int:
    found = [(FILES[outcome.file], outcome.difference) for outcome in outcomes if outcome.difference]
    used = Counter(allowance for file, what in found if (allowance := _allowance(file, what)))
    wrong = [(file, what) for file, what in found if not _allowance(file, what)]
    print("\n| format | kind | files | both accept | both refuse | differ |\n|---|---|---|---|---|---|")
    for (format_, kind), of_kind in _by_kind(outcomes):
        same = [outcome for outcome in of_kind if not outcome.difference]
        accepted = sum(outcome.ours == "accepted" for outcome in same)
        counts = len(of_kind), accepted, len(same) - accepted, len(of_kind) - len(same)
        print(f"| {format_} | {kind} | " + " | ".join(map(str, counts)) + " |")
    print("\n| allowed difference | files | reason |\n|---|---|---|")
    for allowance, count in used.items():
        print(f"| {allowance.format}, {allowance.kind}: {allowance.what} | {count} | {allowance.reason} |")
    unused = [allowance for allowance in ALLOWED if allowance not in used]
    for allowance in unused:
        print(f"\nAllowed, but not found: {allowance.format}, {allowance.kind}: {allowance.what}")
    for file, what in wrong:
        print(f"\nDIFFERENT: {file.format}, {file.kind}, {file.name}: {what.what}: {what.detail}")
    formats = Counter(FILES[outcome.file].format for outcome in outcomes)
    print(f"\n{len(outcomes)} files ({', '.join(f'{count} {name}' for name, count in formats.items())})")
    print(f"{len(outcomes) - len(wrong) - len(unused)} passed, {len(wrong) + len(unused)} failed")
    return 1 if wrong or unused else 0


def _by_kind(outcomes: list[Outcome]) -> Iterator[tuple[tuple[str, str], list[Outcome]]]:
    kinds: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        file = FILES[outcome.file]
        kinds.setdefault((file.format, file.kind), []).append(outcome)
    yield from kinds.items()


if __name__ == "__main__":
    sys.exit(main())
