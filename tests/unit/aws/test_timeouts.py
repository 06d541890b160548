"""The timeouts of AWS clients end with the current deadline."""

import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from urllib3 import HTTPResponse, Timeout
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ReadTimeoutError

from shared import clock
from shared.aws import dynamodb, dynamodb_client, s3, secrets, session
from shared.deadline import CALL_S_MIN, Deadline
from shared.errors import ServiceUnavailable
from shared.payments.models import Payment, get_payment
from shared.wallets.models import get_head

CALLS: dict[str, Callable[[], object]] = {
    "get": lambda: get_payment("asha", "p"),
    "query": lambda: get_head("w"),
    "execute": lambda: dynamodb.execute(dynamodb.Delete(Payment("asha", "p"))),
    "transact": lambda: dynamodb.transact(dynamodb.Delete(Payment("asha", "p"))),
    "s3": lambda: s3.get_upload("in/x", "v"),
    "secrets": lambda: secrets.get_secret("gateway-key"),
}


@pytest.mark.usefixtures("hanging_aws")
@pytest.mark.parametrize("name", CALLS)
def test_hanging_aws_is_503_at_the_deadline(name: str) -> None:
    for client in (dynamodb_client.client, s3.client, secrets.client):
        client()  # making a client takes time, but waits for nobody
    started_s = time.monotonic()
    with Deadline(seconds=0.5), pytest.raises(ServiceUnavailable):
        CALLS[name]()
    assert time.monotonic() - started_s < 2.5


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The longest pauses that may be chosen between attempts, each of which is throttled at once, in no time."""
    longest: list[float] = []
    now_us = clock.now_us()
    monkeypatch.setattr(clock, "now_us", lambda: now_us)

    def choose(low: float, high: float) -> float:
        longest.append(high)
        return 0

    def throttle(*args: Any, **kwargs: Any) -> HTTPResponse:
        return HTTPResponse(BytesIO(b'{"__type":"ThrottlingException"}'), status=400, preload_content=False)

    monkeypatch.setattr(session.random, "uniform", choose)
    monkeypatch.setattr(HTTPConnectionPool, "urlopen", throttle)
    return longest


@pytest.mark.usefixtures("hanging_aws")
def test_pauses_end_with_the_deadline(pauses: list[float]) -> None:
    """A quarter of what is left at most, so that an attempt follows; without a deadline one second, then two."""
    with Deadline(seconds=2), pytest.raises(ServiceUnavailable):
        get_payment("asha", "p")
    assert pauses == [0.5, 0.5]
    pauses.clear()
    with pytest.raises(ServiceUnavailable):
        get_payment("asha", "p")
    assert pauses == [1, 2]


@pytest.fixture
def timeouts(hanging_aws: None, monkeypatch: pytest.MonkeyPatch) -> list[Timeout]:
    """The timeouts of every attempt. Each attempt takes 0.3 seconds of a clock that stands still otherwise."""
    now_us, given = [clock.now_us()], []
    monkeypatch.setattr(clock, "now_us", lambda: now_us[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: None)

    def time_out(pool: HTTPConnectionPool, *args: Any, timeout: Timeout, **kwargs: Any) -> None:
        given.append(timeout)
        now_us[0] += 300_000
        raise ReadTimeoutError(pool, "/", "no answer")

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", time_out)
    return given


def test_timeouts_shrink_with_the_deadline(timeouts: list[Timeout]) -> None:
    """0.9, 0.6 and 0.3 seconds are left before the three attempts; a third of it is for the connection."""
    with Deadline(seconds=0.9), pytest.raises(ServiceUnavailable):
        get_payment("asha", "p")
    assert [timeout.connect_timeout for timeout in timeouts] == pytest.approx([0.3, 0.2, 0.1])
    assert [timeout._read for timeout in timeouts] == pytest.approx([0.6, 0.4, 0.2])


def test_no_attempt_is_made_without_time_left(timeouts: list[Timeout]) -> None:
    with Deadline(seconds=0.3 + CALL_S_MIN / 2), pytest.raises(ServiceUnavailable):
        get_payment("asha", "p")
    assert len(timeouts) == 1


def test_timeouts_outside_a_deadline_are_the_clients_own(timeouts: list[Timeout]) -> None:
    with pytest.raises(ServiceUnavailable):
        get_payment("asha", "p")
    assert [(timeout.connect_timeout, timeout._read) for timeout in timeouts] == 3 * [
        (dynamodb_client.CONNECT_TIMEOUT_S, dynamodb_client.READ_TIMEOUT_S)
    ]


def test_earlier_deadline_does_not_shorten_later_calls(timeouts: list[Timeout]) -> None:
    with Deadline(seconds=0.3), pytest.raises(ServiceUnavailable):
        get_payment("asha", "p")
    timeouts.clear()
    with pytest.raises(ServiceUnavailable):
        get_payment("asha", "p")
    assert timeouts[0].connect_timeout == dynamodb_client.CONNECT_TIMEOUT_S
