"""Webhooks that Razorpay signed and nobody here could use: kept for 30 days, so that a person can replay them.

Their bodies hold personal data. They are never logged, and DynamoDB deletes them.
"""

import hashlib

from shared import clock
from shared.aws.dynamodb import OPEN, Insert, execute
from shared.payments.models import UnusableWebhook

KEEP_S = 30 * 86_400


def keep_webhook(body: bytes, signature: str, event_id: str, problem: str) -> None:
    """Store a signed webhook that cannot be used; a body that is stored already stays as it is."""
    row = UnusableWebhook(
        hashlib.sha256(body).hexdigest(),
        open=OPEN,
        body=body,
        signature=signature,
        event_id=event_id,
        problem=problem,
        received_at_us=clock.now_us(),
        expires_at_s=clock.now_s() + KEEP_S,
    )
    execute(Insert(row))
