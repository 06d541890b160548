"""What was created a while ago, read again: payments once an hour, failed refunds and disputes once a day.

The list of new payments has each payment within minutes of its creation, when it may not be captured yet. A later
capture or refund that no webhook reported is found here, and so is a refund that the bank returned days later. A
dispute that has ended can begin its next phase weeks later.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from shared import clock
from shared.aws.dynamodb import Insert, Update, execute
from shared.deadline import Deadline
from shared.payments.models import RecentLook, find_by_gateway_order, get_recent_look
from shared.payments.reconcile_lists import (
    MONEY_STATUSES,
    SAVE_S,
    apply_listed_dispute,
    apply_listed_refund,
    created_s,
)
from shared.payments.reconcile_round import Round
from shared.payments.results import ApplyResult
from shared.razorpay import api
from shared.razorpay.entities import DISPUTE_STATUSES, is_id, payment_from
from shared.refunds.report import apply_report

LOOK_EVERY_S, LOOK_BACK_S = 3_600, 5 * 86_400  # payments
RETURNS_EVERY_S, RETURNS_BACK_S = 86_400, 14 * 86_400  # refunds: a bank returns one within seven working days
PHASES_EVERY_S, PHASES_BACK_S = 86_400, 180 * 86_400  # disputes: a card network decides within months

Entity = Mapping[str, Any]


@dataclass(frozen=True)
class RecentList:
    """A list that is read again: how often, how far back, and what of it is applied."""

    name: str
    every_s: int
    back_s: int
    read: Callable[[int, int, int], list[Any]]
    statuses: tuple[str, ...]
    apply: Callable[[Entity], ApplyResult | None]

    def from_s(self, look: RecentLook) -> int:
        return look.started_s - self.back_s


def read_recent_payments(work: Round) -> None:
    """Begin the look at payments if it is due, or go on with it, until the round is over."""
    _read(PAYMENTS, work)


def read_returned_refunds(work: Round) -> None:
    """Begin the look at refunds that have failed if it is due, or go on with it, until the round is over."""
    _read(RETURNS, work)


def read_recent_disputes(work: Round) -> None:
    """Begin the look at disputes if it is due, or go on with it, until the round is over."""
    _read(DISPUTES, work)


def _read(recent: RecentList, work: Round) -> None:
    now_s, stored = clock.now_s(), get_recent_look(recent.name)
    is_done = stored is None or stored.place_s <= recent.from_s(stored)
    if stored is not None and is_done and 0 <= now_s - stored.started_s < recent.every_s:
        return
    look = RecentLook.at(recent.name, now_s) if stored is None or is_done else stored
    place_s = look.place_s
    try:
        with Deadline(Deadline.current().remaining_s - SAVE_S):
            while place_s > recent.from_s(look) and not work.is_over:
                place_s = _read_page(recent, recent.from_s(look), place_s, work)
    finally:
        _move(recent, stored, look.started_s, place_s)


def _read_page(recent: RecentList, from_s: int, place_s: int, work: Round) -> int:
    """Handle the newest entities between two times; the time down to which all are handled now."""
    skip = tried = 0
    while True:
        page = recent.read(from_s, place_s, skip)
        work.note_answer()
        for entity in page:
            if not isinstance(entity, dict) or entity.get("status") not in recent.statuses:
                continue
            tried += 1
            if not work.run(partial(recent.apply, entity)) and work.is_over:
                if work.is_silent:
                    return place_s
                # The time ran out. One that had the whole time is left for the next look, so that it stops no other.
                return created_s(entity, place_s) - (tried == 1)
        if len(page) < api.PAGE_COUNT:
            return from_s
        oldest_s = min(created_s(entity, place_s) for entity in page)
        if oldest_s < place_s:
            return oldest_s
        skip += api.PAGE_COUNT  # more in one second than a page has


def _apply_payment(entity: Entity) -> ApplyResult | None:
    """Apply a payment on one of our orders.

    Razorpay is not asked about orders that the index does not know: the list of new payments has done that.
    """
    attempt = payment_from(entity)
    payment = find_by_gateway_order(attempt.order) if is_id(attempt.order, "order") else None
    return apply_report(payment, attempt, "list") if payment else None


def _move(recent: RecentList, stored: RecentLook | None, started_s: int, place_s: int) -> None:
    """Write the new place. Blocked if another reconciler was faster: both have read the same."""
    if stored is None:
        look = RecentLook.at(recent.name, started_s)
        look.place_s = place_s
        execute(Insert(look))
    else:
        expect = {"started_s": stored.started_s, "place_s": stored.place_s}
        execute(Update(stored, {"started_s": started_s, "place_s": place_s}, expect=expect))


PAYMENTS = RecentList(
    "recent:payments",
    LOOK_EVERY_S,
    LOOK_BACK_S,
    lambda from_s, to_s, skip: api.list_payments(from_s, to_s, skip),
    MONEY_STATUSES,
    _apply_payment,
)
RETURNS = RecentList(
    "recent:refunds",
    RETURNS_EVERY_S,
    RETURNS_BACK_S,
    lambda from_s, to_s, skip: api.list_refunds(from_s, to_s, skip),
    ("failed",),
    apply_listed_refund,
)
DISPUTES = RecentList(
    "recent:disputes",
    PHASES_EVERY_S,
    PHASES_BACK_S,
    lambda from_s, to_s, skip: api.list_disputes(from_s, to_s, skip),
    DISPUTE_STATUSES,
    apply_listed_dispute,
)
