"""The metrics of the running service, for the pages: those that the functions emit, and a few that AWS measures."""

import json
import threading
import time
from collections import deque

POINTS_MAX = 2_000  # of each metric; older ones go

Point = tuple[int, float]  # time in ms, value


class Metrics:
    """Points by `<namespace>/<metric>`; those of Lambda also have the function's name."""

    def __init__(self) -> None:
        self._points: dict[str, deque[Point]] = {}
        self._lock = threading.Lock()

    def note(self, name: str, value: float = 1, at_ms: int | None = None) -> None:
        point = (int(time.time() * 1_000) if at_ms is None else at_ms, value)
        with self._lock:
            self._points.setdefault(name, deque(maxlen=POINTS_MAX)).append(point)

    def read(self, line: bytes) -> None:
        """Note the metrics of a function's line in CloudWatch's embedded format; other lines have none."""
        try:
            fields = json.loads(line)
            at_ms, directives = fields["_aws"]["Timestamp"], fields["_aws"]["CloudWatchMetrics"]
            found = [
                (f"{directive['Namespace']}/{metric['Name']}", fields[metric["Name"]])
                for directive in directives
                for metric in directive["Metrics"]
            ]
        except (ValueError, KeyError, TypeError):
            return
        for name, values in found:
            for value in values if isinstance(values, list) else [values]:
                self.note(name, value, at_ms)

    def series(self) -> dict[str, list[Point]]:
        with self._lock:
            return {name: list(points) for name, points in self._points.items()}
