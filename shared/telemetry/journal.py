"""What happened while one request or event was served: recorded by any layer, written by the entry point.

Rules need no logger for this. Counts become metrics. Breadcrumbs are logged only when the request fails, so a failure
comes with its history and a success costs one line.
"""

from collections import Counter

BREADCRUMBS_MAX = 50

_counts: Counter[str] = Counter()
_breadcrumbs: list[str] = []


def count(name: str, value: int = 1) -> None:
    """Add to a metric; its name is an event in the past tense, such as PaymentCaptured, and never holds an id."""
    _counts[name] += value


def breadcrumb(text: str) -> None:
    """Note one call to a dependency and its outcome; nothing personal or secret."""
    if len(_breadcrumbs) < BREADCRUMBS_MAX:
        _breadcrumbs.append(text)


def drain() -> tuple[dict[str, int], list[str]]:
    """The counts and breadcrumbs since the last drain, which clears them."""
    counts, breadcrumbs = dict(_counts), list(_breadcrumbs)
    _counts.clear()
    _breadcrumbs.clear()
    return counts, breadcrumbs
