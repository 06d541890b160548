"""What a client works out once, and not anew for each of its calls."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.retries.standard import StandardRetryConditions

from shared.aws import dynamodb_client
from shared.aws.session import answered_here, session
from shared.private_names import Signer
from tests.support.cached_state import clear_cached_state
from tests.unit.conftest import ENVIRONMENT

CALLS = 3
URL = "https://dynamodb.ap-south-1.amazonaws.com/"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    clear_cached_state()
    yield dynamodb_client.client()
    clear_cached_state()


def call(client: Any) -> list[Any]:
    """The requests that reads of several tables send."""
    sent: list[Any] = []
    client.meta.events.register_first("before-send", lambda request, **_: sent.append(request))
    with answered_here(client):
        for number in range(CALLS):
            client.get_item(TableName=f"table{number}", Key={"key": {"S": "x"}})
    return sent


def test_endpoint_is_worked_out_once(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Mock(wraps=client._ruleset_resolver._provider.resolve_endpoint)
    monkeypatch.setattr(client._ruleset_resolver._provider, "resolve_endpoint", spy)
    assert {request.url for request in call(client)} == {URL}
    assert spy.call_count == 1


def test_connection_is_looked_up_once(client: Any) -> None:
    find = client._endpoint.http_session._manager.connection_from_url
    assert find(URL) is find(URL) and find.cache_info().hits == 1
    assert find(URL) is not find("https://other.example/")


def test_our_signer_signs_every_call(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Mock(return_value="signature")
    monkeypatch.setattr(Signer, "signature", spy)
    call(client)
    assert spy.call_count == CALLS


def test_every_call_has_the_same_user_agent(client: Any) -> None:
    (agent,) = {request.headers["User-Agent"].decode() for request in call(client)}
    assert agent.partition(" PT/")[0] == session().user_agent()  # Powertools adds itself once it is imported


def test_one_handler_decides_on_another_attempt(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Mock(return_value=False)
    monkeypatch.setattr(StandardRetryConditions, "is_retryable", asked)
    call(client)
    assert asked.call_count == CALLS


def test_rehearsed_calls_are_answered_and_not_sent(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = []
    client.meta.events.register("after-call", lambda parsed, **_: answers.append(parsed))
    monkeypatch.setattr(client._endpoint.http_session, "send", Mock(side_effect=AssertionError("sent")))
    dynamodb_client._rehearse(client)
    dynamodb_client._rehearse_write(client)
    row = dynamodb_client.ROW
    assert [answer.get("Item") or answer.get("Items") for answer in answers] == [row, [row], None]
