"""Nine hundred sound pictures with random metadata: each looks like the same picture without it.

Picture n is the same in every run. A failing one is named by its number; `random_*(Random(n))` makes it again.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from shared.images.codec.pipeline import compress
from tests.support.metadata_samples import random_jpeg, random_png, random_webp

ROOT = Path(__file__).resolve().parents[4]
FILES = 300
LEAK_BYTES_MAX = 3 << 20
MEASURE = """
import resource, sys
from tests.unit.images.codec.test_metadata_fuzz import MAKERS, differing
peaks = []
for rounds in range(4):
    assert [differing(make, 60) for make in MAKERS] == [[], [], []]
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
print(peaks[3] - peaks[0])
"""
MAKERS = (random_jpeg, random_png, random_webp)


def differing(make: Callable[[Random], tuple[bytes, bytes]], files: int) -> list[int]:
    """The numbers of the pictures that metadata changes; raises RejectedImage where it even refuses one."""
    found = []
    for number in range(files):
        plain, upload = make(Random(number))
        if compress(bytearray(upload), ("jpeg",)) != compress(plain, ("jpeg",)):
            found.append(number)
    return found


@pytest.mark.parametrize("make", MAKERS)
def test_random_metadata_changes_nothing(make: Callable[[Random], tuple[bytes, bytes]]) -> None:
    assert differing(make, FILES) == []


def test_random_metadata_leaks_no_memory() -> None:
    """In a process of its own, whose peak stands still after the first of four rounds."""
    measured = subprocess.run([sys.executable, "-c", MEASURE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(measured.stdout) < LEAK_BYTES_MAX
