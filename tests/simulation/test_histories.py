"""Thirty of the histories that `make prove` runs by the thousand, and that a seed determines its history."""

import json
import os
import subprocess
import sys

import pytest

from local.template import ROOT
from tests.simulation.faults import Wire
from tests.simulation.harness import HARNESS
from tests.simulation.histories import simulate
from tools.check_restored import differences

SEEDS = range(30)
REPEATED_SEED = 7
RESTORED_TABLES = ("PaymentsTable", "RefundsTable", "PaymentMethodsTable", "DeskTable", "WalletEntriesTable")
COMPARED_SEEDS = (3, 6, 11, 97)  # in 97 a request waits for its turn until its time has passed


@pytest.mark.usefixtures("harness")
def test_no_history_has_a_violation() -> None:
    outcomes = {seed: simulate(seed) for seed in SEEDS}
    wrong = {seed: outcome.violations for seed, outcome in outcomes.items() if outcome.violations}
    assert not wrong, wrong
    assert sum(outcome.faults for outcome in outcomes.values()) > len(SEEDS)  # faults were injected


@pytest.mark.usefixtures("harness")
def test_check_of_restored_tables_finds_nothing_to_repair() -> None:
    """The ledger of a history that is at rest agrees with all records of money."""
    for seed in SEEDS:
        simulate(seed)
        assert differences(*map(HARNESS.world.rows, RESTORED_TABLES)) == [], seed


@pytest.mark.usefixtures("harness")
def test_seed_gives_the_same_history_in_another_process() -> None:
    code = (
        "import json\nfrom tests.simulation.histories import simulate\nfrom tests.simulation.harness import harness\n"
        f"with harness(): print(json.dumps(simulate({REPEATED_SEED}).lines))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == simulate(REPEATED_SEED).lines == simulate(REPEATED_SEED).lines


@pytest.mark.usefixtures("harness")
@pytest.mark.parametrize("seed", COMPARED_SEEDS)
def test_history_is_the_same_with_all_of_botocore(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    histories = []
    for skips_botocore in (True, False):
        monkeypatch.setattr(Wire, "skips_botocore", skips_botocore)
        outcome, world = simulate(seed), HARNESS.world
        replies = [(reply.status, reply.headers.get("Content-Type")) for _, reply in world.replies]
        histories.append((outcome, replies, world.wire.calls, world.dynamodb.journal, world.random.getstate()))
    assert histories[0] == histories[1]
