"""The terminal's lines: whole, and after the banner or the ready line."""

import io
import sys
import threading
import time
from pathlib import Path

import pytest

from local.log import Log


class SlowTerminal(io.StringIO):
    """Gives other threads time between two writes."""

    def write(self, text: str) -> int:
        time.sleep(0.001)
        return super().write(text)


def test_line_said_too_early_waits_for_the_ready_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = Log(tmp_path / "functions.log", is_raw=False, is_direct=True)
    log.say("CompressImage: EndpointConnectionError")
    assert capsys.readouterr().out == ""
    log.speak()
    log.say("the next line")
    assert capsys.readouterr().out == "CompressImage: EndpointConnectionError\nthe next line\n"


def test_lines_of_several_threads_stay_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, terminal = Log(tmp_path / "functions.log", is_raw=False, is_direct=True), SlowTerminal()
    log.speak()
    monkeypatch.setattr(sys, "stdout", terminal)
    threads = [threading.Thread(target=lambda: [log.say("a line") for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert terminal.getvalue() == "a line\n" * 80
