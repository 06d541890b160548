"""Between tests the fake Razorpay delivers at once, and nothing is held or broken."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from local.aws import CREDENTIALS
from local.template import Template
from shared.razorpay import credentials
from tests.support.api_client import App
from tests.support.cached_state import clear_cached_state
from tests.support.engines import Dynoxide, why_unavailable
from tests.support.local_stack import LocalStack


@pytest.fixture
def app(local_stack: LocalStack) -> App:
    return App(local_stack)


@pytest.fixture
def aws(local_stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Makes clients of the local AWS that may read and write everything."""
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": local_stack.s3}.items():
        monkeypatch.setenv(name, value)
    return boto3.client


@pytest.fixture
def held(local_stack: LocalStack) -> Iterator[None]:
    """No webhook arrives until the test delivers it."""
    local_stack.control("hold", {"hold": True})
    yield
    local_stack.control("deliver", {"drop": True})
    local_stack.control("hold", {"hold": False})


@pytest.fixture(autouse=True)
def no_faults(local_stack: LocalStack) -> Iterator[None]:
    yield
    local_stack.control("faults", [])
    local_stack.control("balance", {"paise": None})
    local_stack.control("refund_status", {"status": "processed"})


@pytest.fixture(scope="module")
def dynoxide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dynoxide]:
    engine = Dynoxide(tmp_path_factory.mktemp("dynoxide"))
    yield engine
    engine.kill()


@pytest.fixture(
    params=[
        "ministack",
        pytest.param("dynoxide", marks=pytest.mark.skipif(bool(why_unavailable()), reason=why_unavailable())),
    ],
)
def engine(
    request: pytest.FixtureRequest, local_stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let the shared code run in this process, on the tables of one engine and then of the other."""
    environment = Template().environment({"RAZORPAY_BASE_URL": local_stack.razorpay})
    environment |= {**CREDENTIALS, "AWS_ENDPOINT_URL": local_stack.s3}
    if request.param == "dynoxide":
        environment["AWS_ENDPOINT_URL"] = request.getfixturevalue("dynoxide").url
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(credentials, "key_pair", lambda: (local_stack.key_id, local_stack.key_secret))
    monkeypatch.setattr(credentials, "retired_key_secrets", list)
    clear_cached_state()
    yield
    clear_cached_state()
