"""Notices an edited file, so that the next request runs the new code."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from local.template import ROOT

FOLDERS = ("functions", "shared")
RESTART = ("template.yaml",)  # what only a new start reads

Stamp = tuple[int, int]  # modification time in ns, size in bytes


class Sources:
    """The functions' files as they were when somebody last asked."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self._seen = dict(self._scan())

    def edited(self) -> list[str]:
        """The files that changed, came or went since the last call, relative to the root."""
        now = dict(self._scan())
        before, self._seen = self._seen, now
        return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))

    def _scan(self) -> Iterator[tuple[str, Stamp]]:
        unvisited = [str(self.root / folder) for folder in FOLDERS]
        while unvisited:
            try:
                entries = list(os.scandir(unvisited.pop()))
            except OSError:
                continue  # the folder went meanwhile
            for entry in entries:
                if entry.name.endswith(".py"):
                    yield from self._stamp(entry.path)
                elif entry.name != "__pycache__" and entry.is_dir():
                    unvisited.append(entry.path)
        for name in RESTART:
            yield from self._stamp(str(self.root / name))

    def _stamp(self, path: str) -> Iterator[tuple[str, Stamp]]:
        try:
            stat = os.stat(path)
        except OSError:
            return
        yield os.path.relpath(path, self.root), (stat.st_mtime_ns, stat.st_size)


def forget_bytecode(root: Path, names: list[str]) -> None:
    """Delete the bytecode of edited files: it is compared by whole seconds, and an edit may be faster."""
    for name in names:
        if name.endswith(".py"):
            Path(importlib.util.cache_from_source(str(root / name))).unlink(missing_ok=True)
