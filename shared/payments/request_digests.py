"""A digest for each field of the request that started a payment, in place of the request.

A repeated Idempotency-Key only has to know which fields differ. The digests are shorter than the values, so that the
payment's row stays within a kilobyte, and they repeat no personal text.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGEST_BYTES = 6  # eight characters: two values of one field have the same digest once in 10^14


def request_digests(payment_id: str, body: Mapping[str, Any]) -> str:
    """JSON with the digest of each field that has a value. The payment's id salts it: a contact has few values."""
    digests = {name: _digest([payment_id, name, value]) for name, value in body.items() if value}
    return json.dumps(digests, separators=(",", ":"), sort_keys=True)


def differing_fields(first: str, second: str) -> list[str]:
    """The names of the fields whose digests differ, in the order of the alphabet."""
    one, other = json.loads(first), json.loads(second)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _digest(value: Any) -> str:
    digest = hashlib.sha256(json.dumps(value).encode()).digest()
    return base64.urlsafe_b64encode(digest[:DIGEST_BYTES]).decode()
