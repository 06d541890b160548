"""A table in memory, and AWS that cannot be reached or never answers."""

import socket
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from shared.aws.dynamodb import Insert, execute
from shared.payments.models import Payment
from tests.support.cached_state import clear_cached_state
from tests.unit.conftest import ENVIRONMENT, aws_in_memory

CUSTOMER = "asha"
UNREACHABLE = [EndpointConnectionError(endpoint_url="http://x"), ReadTimeoutError(endpoint_url="http://x")]


def raises(error: Exception) -> Callable[..., NoReturn]:
    def fail(*args: Any, **kwargs: Any) -> NoReturn:
        raise error

    return fail


@pytest.fixture
def hanging_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every AWS endpoint is a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        for name, value in (ENVIRONMENT | {"AWS_ENDPOINT_URL": url}).items():
            monkeypatch.setenv(name, value)
        clear_cached_state()
        yield
    clear_cached_state()


@pytest.fixture
def payments_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with aws_in_memory(monkeypatch, Payment):
        yield


def a_payment(payment_id: str, **values: Any) -> Payment:
    """A payment that is not stored."""
    fields: dict[str, Any] = {
        "purpose": "top_up",
        "source": "gateway",
        "status": "created",
        "amount_paise": 100,
        "timeline": ["created"],
        "created_at_us": 1,
        "updated_at_us": 1,
    }
    return Payment(CUSTOMER, payment_id, **fields | values)


def stored(payment_id: str, **values: Any) -> Payment:
    """A payment that is stored."""
    payment = a_payment(payment_id, **values)
    assert execute(Insert(payment))
    return payment
