"""What the service's processes share: how far the clock runs ahead, and what is unavailable."""

import mmap
import struct


class Clock:
    """How far the workers' clocks run ahead of real time, in memory that all workers share."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    @property
    def ahead_s(self) -> int:
        return int(struct.unpack("q", self._memory[:8])[0])

    def forward(self, seconds: int) -> None:
        self._memory[:8] = struct.pack("q", self.ahead_s + seconds)


class Faults:
    """What is unavailable: S3 operations, in memory that all workers share, and the issuer of bearer tokens."""

    SIZE = 1_024

    def __init__(self) -> None:
        self.issuer = False
        self._memory = mmap.mmap(-1, self.SIZE)

    @property
    def s3(self) -> list[str]:
        return self._memory[:].rstrip(b"\0").decode().split()

    def set_s3(self, operations: list[str]) -> None:
        self._memory[:] = " ".join(operations).encode().ljust(self.SIZE, b"\0")
