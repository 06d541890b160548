"""Processes killed with -9 in the middle of their work, and the engine with them: what was acknowledged is there."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from local.cloud import CREDENTIALS
from local.template import ROOT, Template
from shared import settings, store, wallet
from tests.conftest import Bundle
from tests.engines import Dynoxide, why_not
from tests.prove.worker import AMOUNT_PAISE, CUSTOMERS
from tests.prove.world import _models

WORKERS, ACKNOWLEDGED_MIN = 4, 240
PATIENCE_S = 120


class Load:
    """Workers on one engine, and what they were told."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.lines: list[str] = []
        self.grew = threading.Condition()
        self.workers = [self._start(number) for number in range(WORKERS)]
        self.started = WORKERS

    def _start(self, number: int) -> "subprocess.Popen[str]":
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.prove.worker", self.engine, str(number)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, args=(worker,), daemon=True).start()
        return worker

    def _read(self, worker: "subprocess.Popen[str]") -> None:
        assert worker.stdout
        for line in worker.stdout:
            if line.endswith("\n"):
                with self.grew:
                    self.lines.append(line)
                    self.grew.notify_all()

    def until(self, acknowledged: int) -> None:
        with self.grew:
            assert self.grew.wait_for(lambda: len(self.lines) >= acknowledged, PATIENCE_S), len(self.lines)

    def kill(self, count: int) -> None:
        """The oldest of them die, wherever they are."""
        for worker in self.workers[:count]:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
        del self.workers[:count]

    def start_others(self, count: int) -> None:
        self.workers += [self._start(self.started + number) for number in range(count)]
        self.started += count


def forget() -> None:
    for cached in (settings.settings, store._bind, store._connection):
        cached.cache_clear()
    for model in _models():
        model._connection = None


def check(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything acknowledged is in the tables, every payment at most once, and every balance is its sum."""
    told = [line.split() for line in load.lines]
    environment = Template().environment({"RAZORPAY_BASE_URL": "http://127.0.0.1:9"})
    for name, value in {**environment, **CREDENTIALS, "AWS_ENDPOINT_URL": load.engine}.items():
        monkeypatch.setenv(name, value)
    forget()
    try:
        for customer in CUSTOMERS:
            entries = store.entries(wallet.wallet_id(customer), 0, 10**6, newest_first=False)
            assert wallet.faults(entries) == []
            uses = Counter(entry.payment for entry in entries[1:])
            assert set(uses.values()) <= {1}
            moved = {entry.payment: entry.type for entry in entries[1:]}
            lost = [line for line in told if line[0] == customer and moved.get(line[2]) != line[1]]
            assert lost == []
            stored = store.payments(customer, store.payment_ids(customer))
            captured = {one.id for one in stored if one.status == "captured"}
            assert captured == set(moved)  # what nobody was told of is there whole or not at all
            credits = sum(entry.type == "credit" for entry in entries[1:])
            assert entries[-1].balance_paise == (2 * credits - len(entries[1:])) * AMOUNT_PAISE
    finally:
        forget()


def test_workers_killed_in_the_middle_lose_nothing_that_was_acknowledged(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = Load(bundle.s3)
    try:
        for share in (1, 2, 3):
            load.until(share * ACKNOWLEDGED_MIN // 4)
            load.kill(2)
            load.start_others(2)
        load.until(ACKNOWLEDGED_MIN)
    finally:
        load.kill(len(load.workers))
    check(load, monkeypatch)


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_an_engine_killed_with_its_workers_loses_nothing_that_was_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Dynoxide(tmp_path)
    load = Load(engine.url)
    try:
        for share in (1, 2, 3):
            load.until(share * ACKNOWLEDGED_MIN // 4)
            engine.kill()
            load.kill(1)
            engine.start()
            load.start_others(1)
        load.until(ACKNOWLEDGED_MIN)
        load.kill(len(load.workers))
        check(load, monkeypatch)
    finally:
        load.kill(len(load.workers))
        engine.kill()
