"""The local stack, started once per session for all tests that use HTTP, and the search of output for canaries."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import canaries
from tests.support.local_stack import LocalStack


@pytest.fixture(scope="session")
def local_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The service as `make run` starts it or, for `make stack`, as it was deployed; both behave alike.

    Card expiries are stored, as in the service whose recorded answers are replayed.
    """
    stack = _start(tmp_path_factory.mktemp("local_stack"))
    yield stack
    try:
        stack.check_canaries()
    finally:
        stack.stop()


def _start(state: Path) -> Any:
    if os.environ.get("STACK"):
        from tests.support.deployed import DeployedStack

        return DeployedStack(state)
    return LocalStack(state, STORE_CARD_EXPIRY="true")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test whose own output contains a canary, whatever the test is about."""
    report = yield
    if report.when == "call" and report.passed:
        found = [f"{name}: {match}" for name, text in report.sections for match in canaries.find_canaries(text)]
        if found:
            report.outcome, report.longrepr = "failed", f"the test's output contains {found[:5]}"
    return report


@pytest.fixture(autouse=True)
def restored_environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
