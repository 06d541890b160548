"""The payments of the last five days, read again once an hour.

The list of new payments has each payment within minutes of its creation, when it may not be captured yet. A later
capture or refund that no webhook reported is found here.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from shared import clock
from shared.aws.dynamodb import Insert, Update, execute
from shared.deadline import Deadline
from shared.payments.models import RecentLook, find_by_gateway_order, get_recent_look
from shared.payments.reconcile_lists import MONEY_STATUSES, SAVE_S, created_s
from shared.payments.reconcile_round import Round
from shared.payments.results import ApplyResult
from shared.razorpay import api
from shared.razorpay.entities import is_id, payment_from
from shared.refunds.report import apply_report

LOOK_EVERY_S = 3_600
LOOK_BACK_S = 5 * 86_400

Entity = Mapping[str, Any]


def read_recent_payments(work: Round) -> None:
    """Begin the look if it is due, or go on with it, until the round is over."""
    now_s, stored = clock.now_s(), get_recent_look()
    is_done = stored is None or stored.place_s <= _from_s(stored)
    if stored is not None and is_done and 0 <= now_s - stored.started_s < LOOK_EVERY_S:
        return
    look = RecentLook.at(now_s) if stored is None or is_done else stored
    place_s = look.place_s
    try:
        with Deadline(Deadline.current().remaining_s - SAVE_S):
            while place_s > _from_s(look) and not work.is_over:
                place_s = _read_page(_from_s(look), place_s, work)
    finally:
        _move(stored, look.started_s, place_s)


def _from_s(look: RecentLook) -> int:
    return look.started_s - LOOK_BACK_S


def _read_page(from_s: int, place_s: int, work: Round) -> int:
    """Handle the newest payments between two times; the time down to which all are handled now."""
    skip = tried = 0
    while True:
        page = api.list_payments(from_s, place_s, skip)
        work.note_answer()
        for entity in page:
            if not isinstance(entity, dict) or entity.get("status") not in MONEY_STATUSES:
                continue
            tried += 1
            if not work.run(partial(_apply_payment, entity)) and work.is_over:
                if work.is_silent:
                    return place_s
                # The time ran out. One that had the whole time is left for the next look, so that it stops no other.
                return created_s(entity, place_s) - (tried == 1)
        if len(page) < api.PAGE_COUNT:
            return from_s
        oldest_s = min(created_s(entity, place_s) for entity in page)
        if oldest_s < place_s:
            return oldest_s
        skip += api.PAGE_COUNT  # more payments in one second than a page has


def _apply_payment(entity: Entity) -> ApplyResult | None:
    """Apply a payment on one of our orders.

    Razorpay is not asked about orders that the index does not know: the list of new payments has done that.
    """
    attempt = payment_from(entity)
    payment = find_by_gateway_order(attempt.order) if is_id(attempt.order, "order") else None
    return apply_report(payment, attempt, "list") if payment else None


def _move(stored: RecentLook | None, started_s: int, place_s: int) -> None:
    """Write the new place. Blocked if another reconciler was faster: both have read these payments."""
    if stored is None:
        look = RecentLook.at(started_s)
        look.place_s = place_s
        execute(Insert(look))
    else:
        expect = {"started_s": stored.started_s, "place_s": stored.place_s}
        execute(Update(stored, {"started_s": started_s, "place_s": place_s}, expect=expect))
