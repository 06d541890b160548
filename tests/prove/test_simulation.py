"""A few of the histories that `make prove` runs by the thousand, and that a seed is a story."""

import json
import os
import subprocess
import sys

import pytest

from local.template import ROOT
from tests.prove.simulation import simulate

SEEDS = range(30)
TOLD = 7


@pytest.mark.usefixtures("on_stage")
def test_no_history_violates_anything() -> None:
    outcomes = {seed: simulate(seed) for seed in SEEDS}
    wrong = {seed: outcome.violations for seed, outcome in outcomes.items() if outcome.violations}
    assert not wrong, wrong
    assert sum(outcome.faults for outcome in outcomes.values()) > len(SEEDS)  # they did meet faults


@pytest.mark.usefixtures("on_stage")
def test_a_seed_tells_the_same_story_in_another_process() -> None:
    code = (
        "import json\nfrom tests.prove.simulation import simulate\nfrom tests.prove.world import stage\n"
        f"with stage(): print(json.dumps(simulate({TOLD}).told))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == simulate(TOLD).told == simulate(TOLD).told
