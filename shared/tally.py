"""What happened while one request or event was served: counted by whoever saw it, written down by the door.

Rules need no logger for this. The counts become metrics. The steps are the buffered part of the log: they are written
only when the request ended badly, so that a failure comes with its whole story and a success costs one line.
"""

from collections import Counter

STEPS_MAX = 50

_counts: Counter[str] = Counter()
_steps: list[str] = []


def count(name: str, value: int = 1) -> None:
    """One more of something; the metric's name is its past event and never holds an id."""
    _counts[name] += value


def step(text: str) -> None:
    """One step for the story: which dependency, what was asked of it, how it ended; nothing personal or secret."""
    if len(_steps) < STEPS_MAX:
        _steps.append(text)


def taken() -> tuple[dict[str, int], list[str]]:
    """The counts and steps since the last time, which are forgotten by this."""
    counts, steps = dict(_counts), list(_steps)
    _counts.clear()
    _steps.clear()
    return counts, steps
