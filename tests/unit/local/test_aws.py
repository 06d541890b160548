"""The stand-in for AWS as a process: it saves its state when it is stopped, unless it takes too long."""

import sys
from pathlib import Path

import pytest

from local import aws
from local.aws import Ministack

PROGRAM = """#!{python}
import os, signal, socket, time

signal.signal(signal.SIGTERM, {handler})
server = socket.create_server(("127.0.0.1", int(os.environ["GATEWAY_PORT"])))
time.sleep(60)
"""


def start(folder: Path, handler: str) -> Ministack:
    """A program in ministack's place, which handles SIGTERM in this way and accepts connections."""
    program = folder / "venv" / "bin" / "ministack"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM.format(python=sys.executable, handler=handler))
    program.chmod(0o700)
    ministack = Ministack(folder / "state", str(folder / "venv"))
    ministack.wait()
    return ministack


def test_killed_stand_in_says_that_it_saved_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(aws, "STOP_TIMEOUT_S", 0.1)
    ministack = start(tmp_path, "signal.SIG_IGN")
    ministack.stop()
    assert ministack.process.poll() is not None
    assert "its tables and objects are not saved" in capsys.readouterr().err


def test_stand_in_that_stops_in_time_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start(tmp_path, "signal.SIG_DFL").stop()
    assert capsys.readouterr().err == ""
