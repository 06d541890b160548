"""The pool can be stopped at any time after its processes were forked."""

import os
import time
from pathlib import Path
from typing import NoReturn

import pytest

from local import lambda_pool
from local.lambda_pool import LambdaPool
from local.log import Log
from local.memory import Clock, Faults

LATE_S = 30


def start_late(*arguments: object) -> NoReturn:
    """The forked process of a busy machine: it has not made its own process group when it is stopped."""
    time.sleep(LATE_S)
    os._exit(0)


def test_pool_stops_before_its_process_has_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_pool, "run_libraries", start_late)
    log = Log(tmp_path / "functions.log", is_raw=True, is_direct=True)
    pool = LambdaPool({}, (), {}, Clock(), Faults(), log)
    began = time.monotonic()
    pool.stop()
    assert time.monotonic() - began < LATE_S / 2
