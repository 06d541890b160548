"""The folder of the saved state: one running service uses it, and only that folder is ever deleted.

`make doctor` imports this before any package is installed, so it needs the standard library alone.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from local.addresses import CannotStart

ROOT = Path(__file__).resolve().parent.parent
LOCK = "running"  # a file that a running service holds locked
WRITABLE = "writable"
RELEASE_TIMEOUT_S = 1  # the processes of a service that was killed end a moment after it


def folder_path() -> Path:
    """The folder, which may not exist yet.

    A real account has a folder of its own: it does not know the payments of the stand-in.
    """
    name = ".garment-pay-test-mode" if os.environ.get("RAZORPAY_KEY_ID") else ".garment-pay"
    return Path(os.environ.get("STATE") or ROOT / name)


def state_folder() -> Path:
    """The folder, which exists and can be written."""
    folder = folder_path()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WRITABLE).write_text("")
        list(folder.iterdir())
    except OSError as error:
        raise CannotStart(f"The state folder {folder} cannot be used: {error.strerror}") from None
    return folder


def lock(folder: Path) -> Callable[[], None]:
    """Claim the folder for this process; CannotStart if another one runs. Returns the function to release it."""
    file = open(folder / LOCK, "a+")  # noqa: SIM115, open as long as the process runs
    deadline = time.monotonic() + RELEASE_TIMEOUT_S
    while not _try_lock(file):
        if time.monotonic() > deadline:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            hint = "Stop it with Ctrl-C, or set STATE to another folder."
            raise CannotStart(f"make run is already running in {folder} ({holder}). {hint}")
        time.sleep(0.05)
    file.truncate(0)
    file.write(f"process {os.getpid()}")
    file.flush()
    return file.close


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def reset() -> str:
    """Delete the folder, unless a service runs in it or none ever did. Returns what to print."""
    folder = folder_path()
    if not folder.exists():
        return "There is no local state."
    if not (folder / WRITABLE).exists():
        raise CannotStart(f"{folder} is no state folder of make run, so it stays as it is.")
    release = lock(folder)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise CannotStart(f"The state folder {folder} cannot be deleted: {error.strerror}") from None
    finally:
        release()
    return "The local state is deleted."
