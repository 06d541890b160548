"""The first minute of a newcomer as a list of timed steps: clone, `make run`, and a top-up in a browser.

The last commit is cloned, and the caches of uv and pip are empty, as on a machine that has seen none of it.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

from local.template import ROOT
from tools.child_service import STOP_TIMEOUT_S, environment_of

LIMIT_S = 60  # with uv
READY, PAGE = "garment-pay, ready", "  Page  "
START_TIMEOUT_S = 300


class Film:
    """The steps with their times, printed as they happen."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def step(self, text: str) -> float:
        seconds = time.monotonic() - self.started
        print(f"{seconds:6.1f} s  {text.strip()}", flush=True)
        return seconds


def film(folder: Path, chromium: str, screenshots: Path) -> int:
    """Film it; `folder` has the installed packages of the browser tests. Returns 1 if with uv it takes too long."""
    with tempfile.TemporaryDirectory() as scratch:
        clone, caches = Path(scratch) / "garment-pay", Path(scratch) / "caches"
        variables = {"UV_CACHE_DIR": str(caches / "uv"), "PIP_CACHE_DIR": str(caches / "pip"), "PORT": "0"}
        reel = Film()
        reel.step("git clone")
        subprocess.run(["git", "clone", "--quiet", f"file://{ROOT}", str(clone)], check=True)
        reel.step("make run")
        running = subprocess.Popen(
            ["make", "--no-print-directory", "run"],
            cwd=clone,
            env=environment_of(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        watchdog = threading.Timer(START_TIMEOUT_S, os.killpg, (running.pid, signal.SIGKILL))
        watchdog.start()
        try:
            assert running.stdout
            api = _wait_for_page(reel, running.stdout)
            if not api:
                print("make run did not become ready", file=sys.stderr)
                return 1
            threading.Thread(target=running.stdout.read, daemon=True).start()  # so that it never waits for us
            variables = {"API": api, "CHROMIUM": chromium, "SCREENSHOTS": str(screenshots)}
            browser = subprocess.Popen(
                ["node", "first-minute.mjs"],
                cwd=folder,
                env=os.environ | variables,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert browser.stdout
            seconds = max((reel.step(line) for line in browser.stdout), default=0.0)
            if browser.wait() != 0:
                return 1
        finally:
            watchdog.cancel()
            _stop(running)
    with_uv = shutil.which("uv") is not None
    print(f"From clone to a topped-up wallet: {seconds:.0f} s, with {'uv' if with_uv else 'pip'} and empty caches.")
    return int(with_uv and seconds > LIMIT_S)


def _wait_for_page(reel: Film, output: IO[str]) -> str:
    """The address of the phone page, from the banner; empty if the output ends before."""
    for line in output:
        if line.startswith(PAGE):
            return line.split()[1].rstrip("/")
        if line.startswith(("Setting up", READY)):
            reel.step(line.partition(". Stop")[0])
    return ""


def _stop(running: "subprocess.Popen[str]") -> None:
    try:
        os.killpg(running.pid, signal.SIGINT)
        running.wait(STOP_TIMEOUT_S)
    except ProcessLookupError:
        pass
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
