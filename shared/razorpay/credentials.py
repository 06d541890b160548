"""Razorpay's key pair and webhook secrets, from Secrets Manager."""

import os
from typing import Any

from shared.aws.secrets import get_secret


def key_pair() -> tuple[str, str]:
    """The key id and key secret that sign our calls."""
    secret = get_secret(os.environ["RAZORPAY_KEY_SECRET_NAME"])
    return _text(secret, "key_id"), _text(secret, "key_secret")


def retired_key_secrets() -> list[str]:
    """Secrets of keys that were replaced: checkouts opened before the change are signed with one of them."""
    retired = get_secret(os.environ["RAZORPAY_KEY_SECRET_NAME"]).get("retired", [])
    if not isinstance(retired, list) or not all(isinstance(secret, str) and secret for secret in retired):
        raise RuntimeError("the secret's retired is not a list of secrets")
    return retired


def webhook_secrets() -> list[str]:
    """Every secret that may sign a webhook: Razorpay redelivers for 15 days with the secret of the first delivery."""
    active = get_secret(os.environ["WEBHOOK_SECRETS_NAME"]).get("active")
    if not isinstance(active, list) or not active or not all(isinstance(secret, str) and secret for secret in active):
        raise RuntimeError("the webhook secrets are not set")
    return active


def _text(secret: dict[str, Any], key: str) -> str:
    value = secret.get(key)
    if not isinstance(value, str) or not value:  # an empty secret would verify a forged signature
        raise RuntimeError(f"the secret holds no {key}")
    return value
