"""What happened while one request or event was served: recorded by any layer, written by the entry point.

Rules need no logger for this. Counts become metrics. Breadcrumbs are logged only when the request fails, so a failure
comes with its history and a success costs one line.
"""

from collections import Counter
from threading import Lock
from typing import Any

BREADCRUMBS_MAX = 50
FRAMES_MAX = 8

_counts: Counter[str] = Counter()
_counting = Lock()  # the reconciler counts in several threads
_breadcrumbs: list[str] = []
_errors: list[dict[str, Any]] = []


def count(name: str, value: int = 1) -> None:
    """Add to a metric; its name is an event in the past tense, such as PaymentCaptured, and never holds an id."""
    with _counting:
        _counts[name] += value


def breadcrumb(text: str) -> None:
    """Note one call to a dependency and its outcome; nothing personal or secret."""
    if len(_breadcrumbs) < BREADCRUMBS_MAX:
        _breadcrumbs.append(text)


def unexpected(error: BaseException) -> None:
    """Record an exception that no code expects, by its type and frames; its text might quote the request."""
    frames = []
    trace = error.__traceback__
    while trace:
        frames.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    count("UnexpectedError")
    _errors.append({"error_type": type(error).__name__, "frames": frames[-FRAMES_MAX:]})


def is_empty() -> bool:
    """Whether nothing was counted since the last drain."""
    return not _counts


def drain() -> tuple[dict[str, int], list[str], list[dict[str, Any]]]:
    """The counts, breadcrumbs and unexpected errors since the last drain, which clears them."""
    drained = dict(_counts), list(_breadcrumbs), list(_errors)
    for collected in (_counts, _breadcrumbs, _errors):
        collected.clear()
    return drained
