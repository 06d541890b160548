"""The time left for the request or event that is being served.

The entry point enters one deadline per event. Everything that waits (DynamoDB, S3, Razorpay, retries) reads the
current one, so no call outlives the function that made it:

    with Deadline(seconds=3.7):
        Deadline.current().timeouts(connect_s=2.0, read_s=5.0)
"""

import math
from contextvars import ContextVar, Token
from types import TracebackType

from shared import clock
from shared.errors import ServiceUnavailable

CALL_S_MIN = 0.1  # with less than this left no call is made

_current: ContextVar["Deadline | None"] = ContextVar("deadline", default=None)


class Deadline:
    """A point in time, `seconds` from now. As a context manager it becomes the current deadline.

    Within another deadline that ends earlier, it ends with that one.
    """

    def __init__(self, seconds: float) -> None:
        self._at_us = clock.now_us() + seconds * 1_000_000
        self._token: Token[Deadline | None] | None = None

    @staticmethod
    def current() -> "Deadline":
        """The innermost deadline; outside of any, one that never passes."""
        return _current.get() or _NEVER

    @property
    def remaining_s(self) -> float:
        return max((self._at_us - clock.now_us()) / 1_000_000, 0)

    @property
    def has_passed(self) -> bool:
        """Whether too little time is left for another call."""
        return self.remaining_s < CALL_S_MIN

    def timeouts(self, connect_s: float, read_s: float) -> tuple[float, float]:
        """The timeouts for one call, shortened so that it ends in time; ServiceUnavailable when it cannot."""
        remaining_s = self.remaining_s
        if remaining_s < CALL_S_MIN:
            raise ServiceUnavailable
        connect_s = min(connect_s, remaining_s / 3)
        return connect_s, min(read_s, remaining_s - connect_s)

    def __enter__(self) -> "Deadline":
        self._at_us = min(self._at_us, Deadline.current()._at_us)
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._token is not None
        _current.reset(self._token)


_NEVER = Deadline(math.inf)
