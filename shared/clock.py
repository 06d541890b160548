"""The time and new ids: the two things that a test may want to fix.

The local stack moves the clock by replacing `now_us`; nothing shipped does.
"""

import random
import time
import uuid
from datetime import UTC, datetime


def now_us() -> int:
    """Microseconds since 1970, the unit of every stored time."""
    return time.time_ns() // 1_000


def now_s() -> int:
    """Whole seconds since 1970, the unit of bearer tokens and of Razorpay."""
    return now_us() // 1_000_000


def new_id() -> str:
    return str(uuid.uuid4())


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def iso(at_us: int) -> str:
    """`2026-01-09T12:00:00.123456Z`, or without the fraction when it is zero, as Django writes times."""
    return (
        datetime.fromtimestamp(at_us // 1_000_000, UTC)
        .replace(microsecond=at_us % 1_000_000)
        .isoformat()
        .replace("+00:00", "Z")
    )


def jitter(seconds_max: float) -> float:
    """A random pause of at most this length, so that colliding callers do not collide again."""
    return random.uniform(0, seconds_max)
