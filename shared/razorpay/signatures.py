"""Signatures by which Razorpay proves that a checkout response or a webhook body is its own."""

import hashlib
import hmac

from shared.razorpay import credentials


def checkout_signature_matches(order_id: str, payment_id: str, signature: str) -> bool:
    """Whether Razorpay signed this pair. `order_id` is the stored one, never the one that the app sent."""
    secrets = [credentials.key_pair()[1], *credentials.retired_key_secrets()]
    return _any_matches(secrets, f"{order_id}|{payment_id}".encode(), signature)


def webhook_signature_matches(body: bytes, signature: str) -> bool:
    """Whether one of the listed webhook secrets signed exactly these bytes."""
    return _any_matches(credentials.webhook_secrets(), body, signature)


def _any_matches(secrets: list[str], message: bytes, signature: str) -> bool:
    """Compare with every secret, without an early exit, so that the time taken does not tell which one matched."""
    return any([_matches(secret, message, signature) for secret in secrets])  # noqa: C419


def _matches(secret: str, message: bytes, signature: str) -> bool:
    if not secret:  # HMAC accepts an empty key
        return False
    expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest().encode()
    return hmac.compare_digest(expected, signature.encode("utf-8", "surrogatepass"))
