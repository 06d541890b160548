"""AWS does not answer, or answers too late: the caller is told to try again, and nothing else breaks."""

import json
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from shared import bucket, clock, payments, settings, store
from shared.errors import Unavailable
from tests.unit.conftest import Gateway, told
from tests.unit.test_settle import TOP_UP

AWAY = [EndpointConnectionError(endpoint_url="http://x"), ReadTimeoutError(endpoint_url="http://x")]


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "GetSecretValue")


@pytest.mark.parametrize("away", AWAY, ids=lambda one: type(one).__name__)
def test_a_table_that_does_not_answer_in_time_is_unavailable_whatever_was_asked(
    away: Exception, tables: None, fake_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = payments.add_balance("asha", None, TOP_UP, None).payment
    payment = store.payment("asha", started["id"])
    assert payment
    monkeypatch.setattr("pynamodb.connection.Connection._make_api_call", raises(away))
    acts: list[Any] = [
        lambda: store.payment("asha", "p"),
        lambda: store.head("w"),
        lambda: store.write(store.Change(payment, {"status": "failed"})),
        lambda: store.append(store.Entry(wallet="w", seq=0, counts={}, sums_paise={}, **ENTRY), store.Put(payment)),
        lambda: store.delete_method("asha", "m"),
    ]
    for act in acts:
        with pytest.raises(Unavailable):
            act()


ENTRY: dict[str, Any] = {
    **dict.fromkeys(("type", "category", "payment", "reference", "description", "previous_hash", "hash"), ""),
    **dict.fromkeys(("version", "amount_paise", "balance_paise", "held_paise", "cashback_paise"), 0),
    **dict.fromkeys(("rewards_paise", "created_at_us", "opened_at_us"), 0),
}


def raises(error: Exception) -> Any:
    def act(*args: Any, **kwargs: Any) -> Any:
        raise error

    return act


def test_one_payment_whose_row_is_read_too_late_does_not_hold_up_the_others(
    tables: None, fake_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [payments.add_balance(name, None, TOP_UP, None).payment["id"] for name in ("asha", "bilal")]
    for place, order in enumerate(fake_gateway.orders):
        fake_gateway.payments[f"pay_{place:014d}"] = told(order["id"], 50_000, id=f"pay_{place:014d}")
    now_us = clock.now_us() + 61_000_000
    monkeypatch.setattr(clock, "now_us", lambda: now_us)
    real, left = store.Payment.get.__func__, [1]  # type: ignore[attr-defined]

    def late_once(cls: Any, *args: Any, **kwargs: Any) -> Any:
        from pynamodb.exceptions import GetError

        if left[0]:
            left[0] -= 1
            raise GetError("late", ReadTimeoutError(endpoint_url="http://x"))
        return real(cls, *args, **kwargs)

    monkeypatch.setattr(store.Payment, "get", classmethod(late_once))
    counts = payments.reconcile(now_us + 5_000_000)
    assert (counts["ReconcileFailed"], counts["ReconcileCredited"]) == (1, 1) and len(ids) == 2


@pytest.mark.parametrize("away", AWAY, ids=lambda one: type(one).__name__)
def test_a_bucket_that_cannot_be_reached_is_unavailable(
    away: Exception, tables: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", raises(away))
    acts = (
        lambda: bucket.first_version("in/x"),
        lambda: bucket.upload("in/x", "v"),
        lambda: bucket.put_image("out/x", b"", "image/jpeg"),
        lambda: bucket.remove_images("out/x"),
    )
    for act in acts:
        with pytest.raises(Unavailable):
            act()


@pytest.mark.parametrize("away", [*AWAY, refusal("ThrottlingException"), refusal("InternalServiceError")])
def test_secrets_that_cannot_be_had_now_are_unavailable(
    away: Exception, tables: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters.clear_caches()
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", raises(away))
    with pytest.raises(Unavailable):
        settings.gateway_key()


def test_a_secret_that_is_not_there_is_a_mistake_and_not_bad_weather(tables: None) -> None:
    parameters.clear_caches()
    with pytest.raises(GetParameterError):
        settings.gateway_key()
    boto3.client("secretsmanager").create_secret(
        Name="gateway-key", SecretString=json.dumps({"key_id": "a", "key_secret": "b"})
    )
    assert settings.gateway_key() == ("a", "b")
    parameters.clear_caches()
