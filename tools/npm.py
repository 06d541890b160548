"""npm's packages, for the targets that run programs of Node.js."""

import shutil
import subprocess
from pathlib import Path


def install(sources: Path, folder: Path) -> None:
    """Copy the sources, but those of Python, to a folder, and install there what their package-lock.json pins.

    Packages that are installed already stay. Raises CalledProcessError if npm fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, copy, stamp = sources / "package-lock.json", folder / "package-lock.json", folder / "stamp"
    is_current = stamp.exists() and copy.exists() and copy.read_bytes() == lock.read_bytes()
    for stale in folder.glob("*.mjs"):
        stale.unlink()
    for path in sources.iterdir():
        if path.is_file() and path.suffix != ".py":
            shutil.copy(path, folder)
    if not is_current:
        stamp.unlink(missing_ok=True)
        print("== install packages", flush=True)
        command = ("npm", "ci", "--no-fund", "--no-audit", "--ignore-scripts", "--loglevel", "error")
        subprocess.run(command, cwd=folder, check=True)
        stamp.touch()
