"""The services that the tests start: nothing that a developer exported reaches them, and all of them end."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.template import ROOT
from tests.support import engines
from tests.support.engines import Dynoxide
from tools import child_service
from tools.child_service import DROPPED, end, environment_of

READ = re.compile(r"os\.environ(?:\.get\(|\[)\"(\w+)\"")
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"


def test_exported_keys_reach_no_service_under_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAZORPAY_KEY_ID", "rzp_test_developer")
    monkeypatch.setenv("PORT", "8787")
    variables = environment_of({"PORT": "0"})
    assert "RAZORPAY_KEY_ID" not in variables and variables["PORT"] == "0" and "PATH" in variables


def test_every_variable_that_the_service_reads_is_dropped() -> None:
    read = {name for path in (ROOT / "local").rglob("*.py") for name in READ.findall(path.read_text())}
    assert {"RAZORPAY_KEY_ID", "PORT"} <= read <= set(DROPPED)


def test_process_that_ignores_the_signal_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_service, "STOP_TIMEOUT_S", 0.1)
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()
        assert not end(process) and process.poll() is not None


def test_engine_that_ends_says_why_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "dynoxide"
    program.write_text("#!/bin/sh\necho the disk is full\nexit 3\n")
    program.chmod(0o700)
    monkeypatch.setattr(engines, "PROGRAM", program)
    began = time.monotonic()
    with pytest.raises(RuntimeError, match="it exits with 3\nthe disk is full"):
        Dynoxide(tmp_path)
    assert time.monotonic() - began < engines.START_TIMEOUT_S / 2
