"""Proposals: what one member of staff asks for, and another has to approve.

    proposed ──▶ approved ──▶ done
        ├──▶ rejected │
        └──▶ lapsed ◀─┘   after 72 hours, without a write

The effect is written in one transaction with the proposal turning done, on condition that it is approved. An approval
whose effect did not follow, after a crash perhaps, is finished by approving again.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from shared import clock
from shared.aws.dynamodb import Insert, execute, retrying
from shared.desk.models import (
    PROPOSAL,
    PROPOSAL_LAPSES_AFTER_US,
    Proposal,
    get_or_404,
    get_proposal,
    list_rows,
    state_of,
)
from shared.desk.reviews import ReviewItem
from shared.errors import Conflict, NotFound
from shared.payments.models import Payment
from shared.wallets.models import find_customer

PROPOSALS = uuid.UUID("0c1f6f0e-6a1d-5a3e-8f0b-7b2d9c4e5a61")
PROPOSED, APPROVED, DONE, REJECTED, LAPSED = STATUSES = ("proposed", "approved", "done", "rejected", "lapsed")
ADJUSTMENT, WAIVER, REFUND, RESOLUTION = KINDS = ("adjustment", "waiver", "refund", "review")
OPEN_STATUSES = (PROPOSED, APPROVED)  # those that lapse


class Proposed(NamedTuple):
    """A proposal. `replayed` is true when an earlier request with the same key made it."""

    proposal: Proposal
    replayed: bool = False


def status_of(proposal: Proposal) -> str:
    """The status now."""
    stored = proposal.stored_status
    return LAPSED if stored in OPEN_STATUSES and clock.now_us() >= proposal.lapses_at_us else stored


def propose_adjustment(
    staff: str, wallet: str, body: Mapping[str, Any], key: str | None, dry_run: bool = False
) -> Proposed:
    """Propose to add money to a wallet or to take it: `type` is credit or debit."""
    return _propose_for_wallet(staff, wallet, ADJUSTMENT, body, key, dry_run)


def propose_waiver(
    staff: str, wallet: str, body: Mapping[str, Any], key: str | None, dry_run: bool = False
) -> Proposed:
    """Propose to give up an amount that a wallet owes."""
    return _propose_for_wallet(staff, wallet, WAIVER, body, key, dry_run)


def propose_refund(
    staff: str,
    payment: Payment,
    amount_paise: int,
    destination: str,
    body: Mapping[str, Any],
    key: str | None,
    dry_run: bool = False,
) -> Proposed:
    """Propose a refund of this amount; `body` is the request."""
    values = {"payment": payment.id, "destination": destination}
    return _propose(staff, payment.customer, REFUND, payment.id, amount_paise, body, key, values, dry_run)


def propose_resolution(staff: str, item: ReviewItem, action: str, amount_paise: int, reason: str) -> Proposed:
    """Propose to do this action about a review. While one of this amount is open there is no second."""
    payment, body = item.payment, {"action": action, "reason": reason}
    values = {"payment": payment.id, "review": item.id, "action": action}

    def try_propose() -> Proposed | None:
        for number in count():
            proposal_id = str(uuid.uuid5(PROPOSALS, json.dumps([RESOLUTION, item.id, action, number])))
            earlier = get_proposal(proposal_id)
            if earlier is None:
                proposal = _new_proposal(proposal_id, staff, payment.customer, RESOLUTION, amount_paise, body, values)
                return Proposed(proposal) if execute(Insert(proposal)) else None
            if status_of(earlier) in OPEN_STATUSES and earlier.amount_paise == amount_paise:
                return Proposed(earlier, replayed=True)
        return None

    return retrying(try_propose)


def find_refund_proposal(staff: str, payment: Payment, body: Mapping[str, Any], key: str | None) -> Proposed | None:
    """The proposal that an earlier request with this key made; Conflict if its body differs."""
    earlier = get_proposal(_id_for(staff, REFUND, payment.id, key)) if key else None
    return _replay(earlier, body) if earlier else None


def list_proposals(status: str = PROPOSED, kind: str | None = None) -> list[Proposal]:
    """The proposals that have this status now, the oldest first."""
    lapsed_before_us = clock.now_us() - PROPOSAL_LAPSES_AFTER_US + 1
    if status == LAPSED:
        found = [
            row for stored in OPEN_STATUSES for row in list_rows(Proposal, PROPOSAL, stored, 0, lapsed_before_us)
        ]
    else:
        is_open = status in OPEN_STATUSES
        from_us = lapsed_before_us if is_open else 0
        found = list_rows(Proposal, PROPOSAL, status, from_us, keep_newest=not is_open)
    return [row for row in found if kind in (None, row.what) and status_of(row) == status]


def _propose_for_wallet(
    staff: str, wallet: str, what: str, body: Mapping[str, Any], key: str | None, dry_run: bool
) -> Proposed:
    """A wallet whose entries a restore lost still has its owner; the approval opens it again."""
    customer = find_customer(wallet)
    if customer is None:
        raise NotFound("Wallet")
    values = {"wallet": wallet, "type": body.get("type")}
    return _propose(staff, customer, what, wallet, body["amount"], body, key, values, dry_run)


def _propose(
    staff: str,
    customer: str,
    what: str,
    subject: str,
    amount_paise: int,
    body: Mapping[str, Any],
    key: str | None,
    values: Mapping[str, Any],
    dry_run: bool = False,
) -> Proposed:
    """Store the proposal if its key made none yet."""
    proposal_id = _id_for(staff, what, subject, key) if key else clock.new_id()
    if key and (earlier := get_proposal(proposal_id)):
        return _replay(earlier, body)
    proposal = _new_proposal(proposal_id, staff, customer, what, amount_paise, body, values)
    if dry_run or execute(Insert(proposal)):
        return Proposed(proposal)
    return _replay(get_or_404(Proposal, PROPOSAL, proposal_id), body)


def _new_proposal(
    proposal_id: str,
    staff: str,
    customer: str,
    what: str,
    amount_paise: int,
    body: Mapping[str, Any],
    values: Mapping[str, Any],
) -> Proposal:
    at_us = clock.now_us()
    return Proposal(
        id=proposal_id,
        state=state_of(PROPOSAL, PROPOSED),
        what=what,
        customer=customer,
        asked=_text(body),
        amount_paise=amount_paise,
        reason=body["reason"],
        proposed_by=staff,
        lapses_at_us=at_us + PROPOSAL_LAPSES_AFTER_US,
        created_at_us=at_us,
        **values,
    )


def _id_for(staff: str, what: str, subject: str, key: str | None) -> str:
    """The id that a key permanently stands for, for this person and subject."""
    parts: Sequence[str | None] = (what, subject, staff, key)
    return str(uuid.uuid5(PROPOSALS, json.dumps(parts)))


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


def _replay(earlier: Proposal, body: Mapping[str, Any]) -> Proposed:
    """Answer a repeated key from the first proposal; Conflict if the body differs."""
    first = json.loads(earlier.asked)
    if differing := sorted(name for name in first.keys() | body.keys() if first.get(name) != body.get(name)):
        text = f"This Idempotency-Key was already used with a different {', '.join(differing)}."
        raise Conflict(text, code="idempotency_key_reused")
    return Proposed(earlier, replayed=True)
