"""Razorpay's lists of payments, refunds and disputes: what is new in them and no webhook reported is applied.

Each list is read from a bit before the end of the last look, because entities appear late. Its position is a row, and
it moves only after a whole window was handled. Two reconcilers at once both handle the window, and one moves it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from shared import clock
from shared.aws.dynamodb import Insert, Update, execute
from shared.deadline import Deadline
from shared.disputes.apply import apply_dispute
from shared.payments.find import find_payment
from shared.payments.models import ListPosition, get_position
from shared.payments.reconcile_round import Round
from shared.payments.results import ApplyResult
from shared.razorpay import api
from shared.razorpay.entities import DISPUTE_STATUSES, dispute_from, payment_from, refund_from
from shared.refunds.apply import apply_refund
from shared.refunds.report import apply_report, apply_unknown_refunds

FIRST_LOOK_S = 5 * 86_400  # how far back: the stack may be older than its first look
OVERLAP_S = 600  # how late an entity may appear in a list, or a listed payment be captured
ENTITIES_MAX = 1_000  # in one window; a longer one is divided
FAILED_ROUNDS_MAX = 10  # of one entity, before the window moves without it
SAVE_S = 1.0  # reserved for writing the position: otherwise a round that ends in the middle would be for nothing
MONEY_STATUSES = ("captured", "refunded")  # of payments whose money has arrived, also if it went back
SEEN_MAX = 2_000  # marks in the position's row, of 30 bytes each

Entity = Mapping[str, Any]


def follow_list(name: str, work: Round) -> None:
    """Handle what this list of LISTS holds since the last look, until the round is over."""
    now_s, stored = clock.now_s(), get_position(name)
    position = stored or ListPosition.at(name, now_s - FIRST_LOOK_S)
    # A position in the future was left by a clock that was ahead. What was created since is behind it.
    window = _read_window(name, min(position.until_s, now_s), now_s)
    work.note_answer()
    with Deadline(Deadline.current().remaining_s - SAVE_S):
        _handle(window, name, position, work)
    until_s = window.to_s if window.is_whole else position.until_s
    seen, failed = window.marks_to_keep or None, window.failed or None
    # Blocked if another reconciler has moved the position: both have handled this window.
    if stored is None:
        execute(Insert(ListPosition(position.customer, name, until_s=until_s, seen=seen, failed=failed)))
    else:
        move = {"until_s": until_s, "seen": seen, "failed": failed}
        execute(Update(position, move, expect={"until_s": position.until_s}))


@dataclass
class Window:
    """A part of a list: its entities, oldest first, and what became of them."""

    entities: list[Entity]
    to_s: int
    done: set[str] = field(default_factory=set)  # marks
    failed: dict[str, int] = field(default_factory=dict)  # by id: in how many rounds
    is_whole: bool = True

    @property
    def marks_to_keep(self) -> list[str]:
        """The marks of what the next window contains again."""
        from_s = self.to_s - OVERLAP_S if self.is_whole else 0
        marks = [_mark(entity) for entity in self.entities if created_s(entity, self.to_s) >= from_s]
        return [mark for mark in marks if mark in self.done][-SEEN_MAX:]


def _read_window(name: str, until_s: int, to_s: int) -> Window:
    """The list's entities that may need something, from before `until_s` up to `to_s`, or less if they are many."""
    while True:
        found: dict[str, Entity] = {}  # by id: a page repeats entities when new ones appear meanwhile
        for skip in count(0, api.PAGE_COUNT):
            if skip >= ENTITIES_MAX and to_s - until_s > 1:
                to_s = until_s + (to_s - until_s) // 2
                break
            page = LISTS[name].read(until_s - OVERLAP_S, to_s, skip)
            found |= {str(entity.get("id")): entity for entity in page if isinstance(entity, dict)}
            if len(page) < api.PAGE_COUNT:
                entities = [entity for entity in found.values() if entity.get("status") in LISTS[name].statuses]
                return Window(entities[::-1], to_s)


def _handle(window: Window, name: str, position: ListPosition, work: Round) -> None:
    """Apply the entities that are new since the last look. A failed one does not stop the others."""
    seen, failed_before = set(position.seen or ()), position.failed_rounds
    for entity in window.entities:
        mark, entity_id = _mark(entity), str(entity.get("id"))
        if mark in seen:
            window.done.add(mark)
        elif work.is_over:
            window.is_whole = False
        elif work.run(partial(LISTS[name].apply, entity)):
            window.done.add(mark)
        elif work.is_over:  # its time ran out, or Razorpay is unavailable, which says nothing about the entity
            window.is_whole = False
        else:
            window.failed[entity_id] = failed_before.get(entity_id, 0) + 1
            if window.failed[entity_id] < FAILED_ROUNDS_MAX:
                window.is_whole = False
                continue
            del window.failed[entity_id]
            window.done.add(mark)
            work.count("ReconcileListFailed")
    if work.is_silent:
        window.failed = failed_before


def _mark(entity: Entity) -> str:
    """An entity in the state in which it was handled: it is handled again when that has changed."""
    return f"{entity.get('id')}:{entity.get('status')}:{entity.get('amount_refunded') or 0}"


def created_s(entity: Any, default: int) -> int:
    """When an entity of a list was created; the default if it does not say."""
    created_at = entity.get("created_at") if isinstance(entity, dict) else None
    return created_at if type(created_at) is int else default


def _apply_payment(entity: Entity) -> ApplyResult | None:
    """Apply a captured payment if its order is ours: a lost capture is credited, a second one is flagged."""
    attempt = payment_from(entity)
    payment = find_payment(attempt)
    return apply_report(payment, attempt, "list") if payment else None


def apply_listed_dispute(entity: Entity) -> ApplyResult | None:
    """Apply the disputed payment, then its dispute, if the payment is ours."""
    dispute = dispute_from(entity)
    attempt = api.fetch_payment(dispute.payment)
    payment = find_payment(attempt)
    return apply_dispute(payment, attempt, dispute, source="list") if payment else None


def apply_listed_refund(entity: Entity) -> ApplyResult | None:
    """Apply a refund if its payment is ours. Its payment's order, which names ours, is known to Razorpay alone."""
    refund = refund_from(entity)
    attempt = api.fetch_payment(refund.payment)
    payment = find_payment(attempt)
    if payment is None:
        return None
    return apply_unknown_refunds(apply_refund(payment, attempt, refund, "", "list"), attempt, "list")


@dataclass(frozen=True)
class GatewayList:
    """One of Razorpay's lists: how a page is read, which statuses matter, and how an entity is applied."""

    read: Callable[[int, int, int], list[Any]]
    statuses: tuple[str, ...]
    apply: Callable[[Entity], ApplyResult | None]


LISTS: Mapping[str, GatewayList] = {
    "list:payments": GatewayList(
        lambda from_s, to_s, skip: api.list_payments(from_s, to_s, skip), MONEY_STATUSES, _apply_payment
    ),
    "list:refunds": GatewayList(
        lambda from_s, to_s, skip: api.list_refunds(from_s, to_s, skip),
        ("pending", "processed", "failed"),
        apply_listed_refund,
    ),
    "list:disputes": GatewayList(
        lambda from_s, to_s, skip: api.list_disputes(from_s, to_s, skip),
        DISPUTE_STATUSES,
        apply_listed_dispute,
    ),
}
