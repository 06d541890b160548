"""The load test ends with the service that it loads."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from tests.bench.load import Step, cpu_s


@pytest.fixture
def dead_stack() -> Any:
    """A service that has ended and answers nothing."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    address = "http://127.0.0.1:9"
    return SimpleNamespace(process=process, api=address, razorpay=address)


def test_clients_end_when_the_service_has_died(dead_stack: Any) -> None:
    with pytest.raises(RuntimeError, match="the service has ended"):
        Step(dead_stack, clients=2, requests=10)


def test_process_that_has_ended_takes_no_cpu(dead_stack: Any) -> None:
    assert cpu_s(dead_stack) == 0
