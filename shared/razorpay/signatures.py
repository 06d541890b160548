"""Signatures by which Razorpay proves that a checkout response or a webhook body is its own."""

import hashlib
import hmac

from shared.razorpay import credentials


def checkout_signature_matches(order_id: str, payment_id: str, signature: str) -> bool:
    """Whether Razorpay signed this pair. `order_id` is the stored one, never the one that the app sent."""
    secrets = [credentials.key_pair()[1], *credentials.retired_key_secrets()]
    return _signer(secrets, f"{order_id}|{payment_id}".encode(), signature) is not None


def webhook_signer(body: bytes, signature: str) -> int | None:
    """The position in the list of the webhook secret that signed exactly these bytes, or None."""
    return _signer(credentials.webhook_secrets(), body, signature)


def _signer(secrets: list[str], message: bytes, signature: str) -> int | None:
    """Compare with every secret, without an early exit, so that the time taken does not tell which one matched."""
    matching = [index for index, secret in enumerate(secrets) if _matches(secret, message, signature)]
    return matching[0] if matching else None


def _matches(secret: str, message: bytes, signature: str) -> bool:
    if not secret:  # HMAC accepts an empty key
        return False
    expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest().encode()
    return hmac.compare_digest(expected, signature.encode("utf-8", "surrogatepass"))
