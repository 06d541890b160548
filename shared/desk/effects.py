"""What an approved proposal does, in one transaction with the proposal turning done."""

from typing import Any

from shared.aws.dynamodb import Update, Write, retrying
from shared.desk.models import PROPOSAL, Proposal, get_or_404, state_of
from shared.desk.review_moves import amount_changed, moved_paise
from shared.desk.review_record import move_and_end, open_item
from shared.desk.wallets import CustomerWallet
from shared.errors import Conflict, NotFound
from shared.money import rupees
from shared.payments.models import Payment, find_by_id
from shared.refunds.models import Refund
from shared.refunds.policy import approved_policy
from shared.refunds.request import SPENT, request_refund
from shared.wallets import ledger
from shared.wallets.models import append
from shared.wallets.wallet import get_wallet, open_wallet

APPROVED, DONE = state_of(PROPOSAL, "approved"), state_of(PROPOSAL, "done")


def check_effect(proposal: Proposal) -> None:
    """Conflict if the wallet or payment does not allow it as it is now."""
    if proposal.what == "refund":
        _request(proposal, dry_run=True)
    elif proposal.review and proposal.action:
        if moved_paise(open_item(proposal.review, proposal.action), proposal.action) != proposal.amount_paise:
            raise amount_changed()
    else:
        _entry(proposal, CustomerWallet(proposal.customer, get_wallet(proposal.customer)))


def apply_effect(approved: Proposal) -> Proposal:
    """Do what was approved, once; the proposal afterwards."""
    if approved.what == "refund":
        _request(approved)
        return get_or_404(Proposal, PROPOSAL, approved.id)
    if approved.review and approved.action:
        return _resolve(approved, approved.review, approved.action)

    def try_apply() -> Proposal | None:
        proposal = get_or_404(Proposal, PROPOSAL, approved.id)
        if proposal.state != APPROVED:
            return proposal
        entry = _entry(proposal, CustomerWallet(proposal.customer, open_wallet(proposal.customer)))
        return None if append(entry, _done(proposal)) else proposal

    return retrying(try_apply)


def _entry(proposal: Proposal, found: CustomerWallet) -> Any:
    """The entry of an adjustment or a waiver. A waiver is a credit that what is owed takes as a whole."""
    head, amount_paise = found.head, proposal.amount_paise
    recovers_paise = None
    if proposal.what == "waiver":
        if amount_paise > head.owed_paise:
            raise Conflict(f"This wallet owes {rupees(head.owed_paise)}.", code="owed_less")
        recovers_paise = amount_paise
    kind = proposal.type or ledger.CREDIT
    if kind == ledger.DEBIT and amount_paise > head.cash_paise:
        raise Conflict(SPENT, code="insufficient_funds")
    by = ledger.by_staff(proposal.id)
    return ledger.next_entry(head, kind, "adjustment", amount_paise, by, recovers_paise=recovers_paise)


def _request(proposal: Proposal, dry_run: bool = False) -> None:
    """Ask for the refund in the name of who proposed it; the proposal's id is the key."""

    def done(refund: Refund) -> Write:
        return _done(_still_approved(proposal), refund=refund.id)

    request_refund(
        _payment_of(proposal),
        proposal.amount_paise,
        proposal.destination,
        proposal.reason,
        proposal.id,
        f"staff:{proposal.proposed_by}",
        approved_policy,
        dry_run,
        alongside=done,
    )


def _resolve(proposal: Proposal, review_id: str, action: str) -> Proposal:
    """Do the action about the review in the name of who proposed it."""

    def done() -> Write:
        return _done(_still_approved(proposal))

    try:
        move_and_end(proposal.proposed_by, review_id, action, proposal.reason, proposal.amount_paise, alongside=done)
    except Conflict:
        if get_or_404(Proposal, PROPOSAL, proposal.id).state != DONE:  # another approval was faster
            raise
    return get_or_404(Proposal, PROPOSAL, proposal.id)


def _still_approved(proposal: Proposal) -> Proposal:
    current = get_or_404(Proposal, PROPOSAL, proposal.id)
    if current.state != APPROVED:
        raise Conflict("This proposal is already decided.", code="already_decided")
    return current


def _payment_of(proposal: Proposal) -> Payment:
    payment = find_by_id(proposal.payment or "")
    if not payment:
        raise NotFound("Payment")
    return payment


def _done(proposal: Proposal, **values: Any) -> Update:
    return Update(proposal, {"state": DONE, **values}, expect={"state": APPROVED})
