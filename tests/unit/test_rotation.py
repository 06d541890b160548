"""The API key and the webhook's secret are changed while money moves: at no step is anything genuine refused."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.parameters import base

from shared import gateway, payments, settings
from shared.errors import NotAuthenticated

OLD, NEW = "whsec_old", "whsec_new"
ORDER, PAYMENT = "order_00000000000001", "pay_00000000000001"
EVENT = b'{"event":"settlement.processed","payload":{}}'

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Lets time pass for what a warm function remembers of its secrets."""
    ahead = timedelta()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + ahead

    def forward(seconds: int) -> None:
        nonlocal ahead
        ahead += timedelta(seconds=seconds)

    monkeypatch.setattr(base, "datetime", Clock)
    parameters.clear_caches()
    yield forward
    parameters.clear_caches()


def put(name: str, value: Any) -> None:
    manager = boto3.client("secretsmanager")
    try:
        manager.create_secret(Name=name, SecretString=json.dumps(value))
    except manager.exceptions.ResourceExistsException:
        manager.put_secret_value(SecretId=name, SecretString=json.dumps(value))


def webhook(secret: str) -> bool:
    """Whether a webhook signed with it is taken."""
    try:
        payments.receive(EVENT, hmac.new(secret.encode(), EVENT, hashlib.sha256).hexdigest(), "", 2**60)
    except NotAuthenticated:
        return False
    return True


def checkout(secret: str) -> bool:
    """Whether the signature of a checkout that was opened with this key's secret is taken."""
    signature = hmac.new(secret.encode(), f"{ORDER}|{PAYMENT}".encode(), hashlib.sha256).hexdigest()
    return gateway.checkout_signature_matches(ORDER, PAYMENT, signature)


def test_the_webhooks_secret_is_changed_without_refusing_one(wait: Callable[[int], None]) -> None:
    put("webhook-secrets", {"active": [OLD]})
    assert webhook(OLD) and not webhook(NEW)
    put("webhook-secrets", {"active": [NEW, OLD]})  # 1. ours first
    assert webhook(OLD)  # a warm function does not know of it yet, and need not
    wait(settings.SECRET_AGE_S_MAX + 1)  # 2. five minutes later it may be changed at the gateway
    assert webhook(NEW) and webhook(OLD)  # what is sent again is signed with the secret of its time
    wait(15 * 86_400)
    put("webhook-secrets", {"active": [NEW]})  # 3. after 15 days nothing is sent again
    wait(settings.SECRET_AGE_S_MAX + 1)
    assert webhook(NEW) and not webhook(OLD)


def test_the_api_key_is_changed_without_refusing_a_checkout_that_is_open(wait: Callable[[int], None]) -> None:
    put("gateway-key", {"key_id": "rzp_old", "key_secret": "old"})
    assert settings.gateway_key() == ("rzp_old", "old") and checkout("old")
    put("gateway-key", {"key_id": "rzp_new", "key_secret": "new", "retired": ["old"]})
    assert checkout("old")
    wait(settings.SECRET_AGE_S_MAX + 1)
    assert settings.gateway_key() == ("rzp_new", "new")
    assert checkout("new") and checkout("old"), "opened before the change, paid after it"
    put("gateway-key", {"key_id": "rzp_new", "key_secret": "new"})
    wait(settings.SECRET_AGE_S_MAX + 1)
    assert checkout("new") and not checkout("old")


@pytest.mark.parametrize("retired", ["old", [""], [1], {"a": 1}])
def test_a_retired_secret_that_is_none_is_said_and_never_matched(wait: Callable[[int], None], retired: Any) -> None:
    put("gateway-key", {"key_id": "rzp_new", "key_secret": "new", "retired": retired})
    with pytest.raises(RuntimeError):
        checkout("")
