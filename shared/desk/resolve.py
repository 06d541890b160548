"""Ending a review. What one person may not move alone becomes a proposal, which another one approves."""

from collections.abc import Mapping
from typing import Any

from shared.desk import reviews
from shared.desk.four_eyes import needs_approval
from shared.desk.proposals import Proposed, propose_resolution
from shared.desk.review_moves import DECIDE_AMOUNT, MOVES, moved_paise
from shared.desk.review_record import assign, end, move_and_end, open_item
from shared.desk.reviews import ReviewItem
from shared.errors import ValidationError


def resolve(staff: str, review_id: str, body: Mapping[str, Any]) -> ReviewItem | Proposed:
    """Do the action about the review; the review afterwards, or the proposal to do it.

    Conflict with code `already_resolved` if it has ended, `action_begun` while another action is unfinished, and with
    a code of the action itself if it cannot be done.
    """
    action, reason = body["action"], body["reason"]
    if action == reviews.ASSIGN:
        if not body["assignee"]:
            raise ValidationError({"assignee": ["This field is required."]})
        return assign(staff, review_id, body["assignee"], reason)
    if action not in MOVES:
        return end(staff, review_id, action, reason)
    amount_paise = None
    if action in DECIDE_AMOUNT:
        item = open_item(review_id, action)
        amount_paise = moved_paise(item, action)
        if needs_approval(item.payment, amount_paise, besides=item.id):
            return propose_resolution(staff, item, action, amount_paise, reason)
    return move_and_end(staff, review_id, action, reason, amount_paise)
