"""The API key and the webhook secret are rotated while money moves: no genuine signature is refused at any step."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from shared import clock
from shared.aws.secrets import SECRET_AGE_S_MAX
from shared.errors import NotAuthenticated
from shared.payments.webhook import handle_webhook
from shared.razorpay import credentials
from shared.razorpay.signatures import checkout_signature_matches

OLD, NEW = "whsec_old", "whsec_new"
ORDER_ID, PAYMENT_ID = "order_00000000000001", "pay_00000000000001"
EVENT = b'{"event":"settlement.processed","payload":{}}'

pytestmark = pytest.mark.usefixtures("tables")
Wait = Callable[[int], None]


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Moves the clock by which a warm function's secrets grow old."""
    ahead_us, now_us = 0, clock.now_us

    def forward(seconds: int) -> None:
        nonlocal ahead_us
        ahead_us += seconds * 1_000_000

    monkeypatch.setattr(clock, "now_us", lambda: now_us() + ahead_us)
    return forward


def put_secret(name: str, value: Any) -> None:
    manager = boto3.client("secretsmanager")
    try:
        manager.create_secret(Name=name, SecretString=json.dumps(value))
    except manager.exceptions.ResourceExistsException:
        manager.put_secret_value(SecretId=name, SecretString=json.dumps(value))


def accepts_webhook(secret: str) -> bool:
    """Whether a webhook that is signed with this secret is accepted."""
    try:
        handle_webhook(EVENT, hmac.new(secret.encode(), EVENT, hashlib.sha256).hexdigest(), "")
    except NotAuthenticated:
        return False
    return True


def accepts_checkout(secret: str) -> bool:
    """Whether the signature of a checkout that was opened with this key secret is accepted."""
    signature = hmac.new(secret.encode(), f"{ORDER_ID}|{PAYMENT_ID}".encode(), hashlib.sha256).hexdigest()
    return checkout_signature_matches(ORDER_ID, PAYMENT_ID, signature)


def test_webhook_secret_rotation_refuses_no_webhook(wait: Wait) -> None:
    put_secret("webhook-secrets", {"active": [OLD]})
    assert accepts_webhook(OLD) and not accepts_webhook(NEW)
    put_secret("webhook-secrets", {"active": [NEW, OLD]})  # 1. add the new secret here
    assert accepts_webhook(OLD)  # a warm function does not know the new one yet, and need not
    wait(SECRET_AGE_S_MAX + 1)  # 2. five minutes later change it at Razorpay
    assert accepts_webhook(NEW) and accepts_webhook(OLD)  # redeliveries are signed with the secret of the first one
    wait(15 * 86_400)
    put_secret("webhook-secrets", {"active": [NEW]})  # 3. after 15 days nothing is redelivered: remove the old one
    wait(SECRET_AGE_S_MAX + 1)
    assert accepts_webhook(NEW) and not accepts_webhook(OLD)


def test_key_rotation_refuses_no_open_checkout(wait: Wait) -> None:
    put_secret("gateway-key", {"key_id": "rzp_old", "key_secret": "old"})
    assert credentials.key_pair() == ("rzp_old", "old") and accepts_checkout("old")
    put_secret("gateway-key", {"key_id": "rzp_new", "key_secret": "new", "retired": ["old"]})
    assert accepts_checkout("old")
    wait(SECRET_AGE_S_MAX + 1)
    assert credentials.key_pair() == ("rzp_new", "new")
    assert accepts_checkout("new") and accepts_checkout("old"), "opened before the change, paid after it"
    put_secret("gateway-key", {"key_id": "rzp_new", "key_secret": "new"})
    wait(SECRET_AGE_S_MAX + 1)
    assert accepts_checkout("new") and not accepts_checkout("old")


@pytest.mark.parametrize("retired", ["old", [""], [1], {"a": 1}])
@pytest.mark.usefixtures("wait")
def test_malformed_retired_secrets_raise_and_match_nothing(retired: Any) -> None:
    put_secret("gateway-key", {"key_id": "rzp_new", "key_secret": "new", "retired": retired})
    with pytest.raises(RuntimeError):
        accepts_checkout("")
