"""Signatures of Razorpay's published samples and of its SDK's own tests."""

import hashlib
import hmac
import json

import pytest

from shared.razorpay import credentials
from shared.razorpay.signatures import checkout_signature_matches, webhook_signer

OFFICIAL = "0d4e745a1838664ad6c9c9902212a32d627d68e917290b0ad5f08ff4561bc50f"
FROM_SDK = "b2335e3b0801106b84a7faff035df56ecffde06918c9ddd1f0fafbb37a51cc89"
WEBHOOK_BODY = (
    rb'{"entity":"event","account_id":"acc_GC00000000001A","event":"payment.captured","contains":["payment"],'
    rb'"payload":{"payment":{"entity":{"id":"pay_GC00000000001A","entity":"payment","amount":49900,"currency":"INR",'
    rb'"status":"captured","order_id":"order_GC00000000001A","method":"upi","captured":true,'
    rb'"description":"Top-up \u20b9499 https:\/\/x.example\/w","notes":[],"created_at":1764000000}}},'
    rb'"created_at":1764000003}'
)
WEBHOOK = "4918496d505e9b39bb58ec79de2ac7c65eba8cf577454107a340451cbb6e73de"


def set_webhook_secrets(secrets: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "webhook_secrets", lambda: secrets)


@pytest.mark.parametrize(
    ("secret", "order_id", "payment_id", "signature"),
    [
        ("EnLs21M47BllR3X8PSFtjtbd", "order_IEIaMR65cu6nz3", "pay_IH4NVgf4Dreq1l", OFFICIAL),
        ("key_secret", "fake_order_id", "fake_payment_id", FROM_SDK),
    ],
)
def test_published_checkout_signature_matches(
    secret: str, order_id: str, payment_id: str, signature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "key_pair", lambda: ("key_id", secret))
    monkeypatch.setattr(credentials, "retired_key_secrets", list)
    assert checkout_signature_matches(order_id, payment_id, signature)
    assert not checkout_signature_matches(payment_id, order_id, signature)


def test_webhook_is_checked_over_raw_bytes_with_every_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same JSON in other bytes does not match."""
    assert len(WEBHOOK_BODY) == 414
    set_webhook_secrets(["another", "whsec_test_1"], monkeypatch)
    assert webhook_signer(WEBHOOK_BODY, WEBHOOK) == 1
    set_webhook_secrets(["whsec_test_1"], monkeypatch)
    assert webhook_signer(WEBHOOK_BODY, WEBHOOK) == 0
    again = json.dumps(json.loads(WEBHOOK_BODY), separators=(",", ":")).encode()
    assert webhook_signer(again, WEBHOOK) is None


@pytest.mark.parametrize(
    "signature", ["", "é", "\udcff", WEBHOOK.upper(), f" {WEBHOOK}", f"sha256={WEBHOOK}", "0" * 10_000]
)
def test_malformed_signature_does_not_match(signature: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_webhook_secrets(["whsec_test_1"], monkeypatch)
    assert webhook_signer(WEBHOOK_BODY, signature) is None


def test_empty_secret_matches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    set_webhook_secrets([""], monkeypatch)
    assert webhook_signer(b"x", hmac.new(b"", b"x", hashlib.sha256).hexdigest()) is None
