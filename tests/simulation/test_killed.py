"""Processes killed with SIGKILL in the middle of their work, and the engine too: nothing acknowledged is lost."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from local.aws import CREDENTIALS
from local.template import ROOT, Template
from shared.payments.models import get_payments, list_payment_ids
from shared.wallets.ledger import record_of, verify_chain
from shared.wallets.models import list_entries
from shared.wallets.wallet import wallet_id
from tests.simulation.worker import AMOUNT_PAISE, CUSTOMERS
from tests.support.cached_state import clear_cached_state
from tests.support.engines import Dynoxide, why_unavailable
from tests.support.local_stack import LocalStack

WORKERS, ACKNOWLEDGED_MIN = 4, 240
TIMEOUT_S = 120


class Load:
    """Workers on one engine, and the lines that they report."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.lines: list[str] = []
        self.grew = threading.Condition()
        self.workers = [self._start(number) for number in range(WORKERS)]
        self.started = WORKERS

    def _start(self, number: int) -> "subprocess.Popen[str]":
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.simulation.worker", self.engine, str(number)],
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

    def wait_for(self, acknowledged: int) -> None:
        """Wait until this many payments have been acknowledged."""
        with self.grew:
            assert self.grew.wait_for(lambda: len(self.lines) >= acknowledged, TIMEOUT_S), len(self.lines)

    def kill(self, count: int) -> None:
        """Kill the oldest workers."""
        for worker in self.workers[:count]:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
        del self.workers[:count]

    def start_others(self, count: int) -> None:
        self.workers += [self._start(self.started + number) for number in range(count)]
        self.started += count


def check(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything acknowledged is stored, every payment has at most one entry, and every balance is its sum."""
    lines = [line.split() for line in load.lines]
    environment = Template().environment({"RAZORPAY_BASE_URL": "http://127.0.0.1:9"})
    for name, value in {**environment, **CREDENTIALS, "AWS_ENDPOINT_URL": load.engine}.items():
        monkeypatch.setenv(name, value)
    clear_cached_state()
    try:
        for customer in CUSTOMERS:
            entries = list_entries(wallet_id(customer), 0, 10**6, newest_first=False)
            assert verify_chain(entries) == []
            uses = Counter(record_of(entry)[1] for entry in entries[1:])
            assert set(uses.values()) <= {1}
            types = {record_of(entry)[1]: entry.kind for entry in entries[1:]}
            lost = [line for line in lines if line[0] == customer and types.get(line[2]) != line[1]]
            assert lost == []
            stored = get_payments(customer, list_payment_ids(customer))
            captured = {payment.id for payment in stored if payment.status == "captured"}
            assert captured == set(types)  # what was not acknowledged is stored as a whole or not at all
            credits = sum(entry.kind == "credit" for entry in entries[1:])
            assert entries[-1].cash_paise == (2 * credits - len(entries[1:])) * AMOUNT_PAISE
    finally:
        clear_cached_state()


def test_killed_workers_lose_nothing_acknowledged(local_stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    load = Load(local_stack.s3)
    try:
        for share in (1, 2, 3):
            load.wait_for(share * ACKNOWLEDGED_MIN // 4)
            load.kill(2)
            load.start_others(2)
        load.wait_for(ACKNOWLEDGED_MIN)
    finally:
        load.kill(len(load.workers))
    check(load, monkeypatch)


@pytest.mark.skipif(bool(why_unavailable()), reason=why_unavailable())
def test_engine_killed_with_its_workers_loses_nothing_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Dynoxide(tmp_path)
    load = Load(engine.url)
    try:
        for share in (1, 2, 3):
            load.wait_for(share * ACKNOWLEDGED_MIN // 4)
            engine.kill()
            load.kill(1)
            engine.start()
            load.start_others(1)
        load.wait_for(ACKNOWLEDGED_MIN)
        load.kill(len(load.workers))
        check(load, monkeypatch)
    finally:
        load.kill(len(load.workers))
        engine.kill()
