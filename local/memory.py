"""What the service's processes share: how far the clock runs ahead, and what fails."""

import mmap
import struct
from collections.abc import Sequence


class Clock:
    """How far the workers' clocks run ahead of real time, in memory that all workers share."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    @property
    def ahead_s(self) -> int:
        return int(struct.unpack("q", self._memory[:8])[0])

    def forward(self, seconds: int) -> None:
        self._memory[:8] = struct.pack("q", self.ahead_s + seconds)


class Names:
    """A short list of names in memory that all processes share."""

    SIZE = 1_024

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, self.SIZE)

    def get(self) -> list[str]:
        return self._memory[:].rstrip(b"\0").decode().split()

    def set(self, names: Sequence[str]) -> None:
        self._memory[:] = " ".join(names).encode().ljust(self.SIZE, b"\0")


class Faults:
    """What fails: S3 operations, throttled tables, the issuer's keys; and whether each upload has two events."""

    SIZE = Names.SIZE

    def __init__(self) -> None:
        self.issuer = False
        self.uploads_twice = False
        self._s3, self._tables = Names(), Names()

    @property
    def s3(self) -> list[str]:
        return self._s3.get()

    def set_s3(self, operations: Sequence[str]) -> None:
        self._s3.set(operations)

    @property
    def tables(self) -> list[str]:
        return self._tables.get()

    def set_tables(self, names: Sequence[str]) -> None:
        self._tables.set(names)
