"""Whether an entry of the ledger has the record that justifies it, with the same amount, and for no other entry.

An entry that follows from the one before it may still be invented. It names its record, and the record says what
the wallet may gain or lose by it. A record moves a wallet once: no earlier entry of the same kind names it.
"""

from collections.abc import Mapping, Sequence
from itertools import islice

from shared.desk.models import Action, Proposal, get_action, get_proposal
from shared.disputes.models import Dispute, get_dispute
from shared.payments.lifecycle import TOP_UP, WALLET
from shared.payments.models import Payment, get_payment
from shared.refunds.lifecycle import GATEWAY
from shared.refunds.lifecycle import WALLET as TO_WALLET
from shared.refunds.models import Refund, get_refund
from shared.wallets import ledger
from shared.wallets.history import walk_back
from shared.wallets.models import Entry, get_head, list_since
from shared.wallets.wallet import wallet_id

# Entries since the record was created are searched for others that name it: for a payment, those of one kind and
# category. That is mostly none, and rarely more than a few: a top-up is paid within minutes. A record that cannot be
# searched within the limit justifies nothing.
ENTRIES_SEARCHED_MAX = 1_000
CLOCK_SKEW_US = 60 * 1_000_000  # by which an entry may seem older than its record

ID_LENGTH_MAX = 64  # a longer text, which no key of a table might take, is no id of ours

Paise = Mapping[str, int]  # the amounts of a record's entries, by kind


def is_justified(
    entry: Entry, previous: Entry | None, customer: str | None, before: Sequence[Entry] | None = None
) -> bool:
    """`previous` is the entry before, `customer` the owner of the wallet as stored with its opening.

    `before` are all entries before it, if they were read already.
    """
    if customer is None or wallet_id(customer) != entry.wallet:
        return False
    if entry.kind == ledger.OPENING:
        return True
    letter, payment_id, record_id = ledger.record_of(entry)
    if letter == "s":
        return _is_id(record_id) and _is_by_staff(entry, record_id, previous, before)
    if not (_is_id(payment_id) and (letter == "p" or (letter in ("r", "d") and _is_id(record_id)))):
        return False
    payment = get_payment(customer, payment_id)
    refund = get_refund(payment_id, record_id) if payment and letter == "r" else None
    dispute = get_dispute(payment_id, record_id) if payment and letter == "d" else None
    record = payment if letter == "p" else refund or dispute
    if not payment or not record:
        return False
    earlier = _earlier(entry, previous, record.created_at_us, before)
    if earlier is None:
        return False
    if refund:
        return _paise_by_refund(payment, refund, entry, earlier) == entry.amount_paise
    if dispute:
        return _paise_by_dispute(payment, dispute, entry, earlier) == entry.amount_paise
    return _paise_by_payment(payment, entry, earlier) == entry.amount_paise


def find_credits(payment: Payment) -> list[Entry] | None:
    """The wallet's credits by a top-up, newest first; None if there are too many top-ups since to search."""
    head = get_head(wallet_id(payment.customer))
    if head is None:
        return []
    code = ledger.PAIRS[ledger.CREDIT, "top_up"]
    return _find_linked(head.wallet, head.seq, code, ledger.by_payment(payment.id), payment.created_at_us)


def _find_linked(wallet: str, seq: int, code: str, by: str, created_at_us: int) -> list[Entry] | None:
    """The entries with this code by a record, from number `seq` back; None if there are too many to search."""
    linked = walk_back(wallet, seq, [code], created_at_us - CLOCK_SKEW_US)
    since = list(islice(linked, ENTRIES_SEARCHED_MAX))
    return [entry for entry in since if entry.by == by] if len(since) < ENTRIES_SEARCHED_MAX else None


def _find_entries(wallet: str, by: str, created_at_us: int, before_seq: int) -> list[Entry] | None:
    """The entries by a record that was created at this time, newest first; None if there are too many to search."""
    since = list_since(wallet, created_at_us - CLOCK_SKEW_US, ENTRIES_SEARCHED_MAX, before_seq)
    return [entry for entry in since if entry.by == by] if len(since) < ENTRIES_SEARCHED_MAX else None


def _is_id(text: str) -> bool:
    return 0 < len(text) <= ID_LENGTH_MAX


def _earlier(
    entry: Entry, previous: Entry | None, created_at_us: int, before: Sequence[Entry] | None
) -> Paise | None:
    """The amounts of the record's earlier entries. None if one of them is of this entry's kind, or is not found."""
    if before is not None:
        known = {other.kind: other.amount_paise for other in before if other.by == entry.by}
        return None if entry.kind in known else known
    if previous and previous.at_us < created_at_us - CLOCK_SKEW_US:
        return {}
    code = ledger.code_of(entry)
    if code and ledger.record_of(entry)[0] == "p":  # a payment justifies one entry, so others are of the same pair
        place = ledger.last_before(entry, [code])
        found = _find_linked(entry.wallet, place, code, entry.by, created_at_us)
    else:
        found = _find_entries(entry.wallet, entry.by, created_at_us, entry.seq)
    earlier = {other.kind: other.amount_paise for other in found or ()}
    return None if found is None or entry.kind in earlier else earlier


def _is_by_staff(entry: Entry, record_id: str, previous: Entry | None, before: Sequence[Entry] | None) -> bool:
    """Whether a record of staff says what the entry does, and no entry before it names that record."""
    record: Action | Proposal | None
    if entry.kind in (ledger.BLOCK, ledger.UNBLOCK):
        record = action = get_action(record_id)
        is_said = action is not None and (action.subject, action.what) == (entry.wallet, entry.kind)
    else:
        record = proposal = get_proposal(record_id)
        is_said = proposal is not None and _says(proposal, entry)
    return record is not None and is_said and _earlier(entry, previous, record.created_at_us, before) == {}


def _says(proposal: Proposal, entry: Entry) -> bool:
    """Whether this entry is the proposal's effect. A waiver is a credit that what is owed takes."""
    if proposal.stored_status != "done" or proposal.what == "refund" or entry.category != "adjustment":
        return False
    expected = (proposal.wallet, proposal.type or ledger.CREDIT, proposal.amount_paise)
    return expected == (entry.wallet, entry.kind, entry.amount_paise)


def _paise_by_payment(payment: Payment, entry: Entry, earlier: Paise) -> int | None:
    """The amount that the payment justifies in an entry of this kind and category; None for no entry at all."""
    if not payment.is_paid or earlier:
        return None
    match entry.kind, entry.category:
        case ledger.CREDIT, "top_up" if payment.purpose == TOP_UP:
            return payment.paid_paise
        case ledger.DEBIT, "payment" if payment.source == WALLET:
            return payment.paid_paise
    return None


def _paise_by_refund(payment: Payment, refund: Refund, entry: Entry, earlier: Paise) -> int | None:
    """The amount that the refund justifies in an entry of this kind; None for no entry at all.

    Only a payment is refunded to the wallet, and only a top-up out of it: held first, then captured or released. What
    could not be held is debited.
    """
    counted_paise, is_top_up = refund.counted_paise, payment.purpose == TOP_UP
    held_paise = earlier.get(ledger.HOLD, 0)
    if entry.category != "refund" or is_top_up == (refund.destination == TO_WALLET):
        return None
    match entry.kind, refund.status:
        case ledger.CREDIT, "returned" if is_top_up:
            return counted_paise
        case ledger.CREDIT, "processed" if refund.destination == TO_WALLET:
            return counted_paise
        case ledger.HOLD, _ if is_top_up:  # one that Razorpay reports holds what is there
            return min(entry.amount_paise, refund.amount_paise) if refund.asked_by == GATEWAY else refund.amount_paise
        case ledger.RELEASE, "failed" | "cancelled":
            return held_paise
        case ledger.RELEASE, "processed" if counted_paise == 0:  # other refunds took what was left of the payment
            return held_paise
        case ledger.CAPTURE, "processed" | "returned":
            return min(held_paise, counted_paise)
        case ledger.DEBIT, "processed" | "returned" if is_top_up:
            return counted_paise - earlier.get(ledger.CAPTURE, 0)
    return None


def _paise_by_dispute(payment: Payment, dispute: Dispute, entry: Entry, earlier: Paise) -> int | None:
    """The amount that the dispute justifies in an entry of this kind; None for no entry at all.

    A dispute of a top-up holds what is there. Lost, it takes that and debits the rest; otherwise it is released.
    """
    counted_paise, held_paise = dispute.counted_paise, earlier.get(ledger.HOLD, 0)
    if entry.category != "dispute" or payment.purpose != TOP_UP:
        return None
    match entry.kind, dispute.status:
        case ledger.HOLD, "open" | "under_review":
            return dispute.held_paise
        case ledger.HOLD, _:
            return min(entry.amount_paise, dispute.amount_paise)
        case ledger.RELEASE, "won" | "closed":
            return held_paise
        case ledger.RELEASE, "lost" if counted_paise == 0:  # refunds took what was left of the payment
            return held_paise
        case ledger.CAPTURE, "lost":
            return min(held_paise, counted_paise)
        case ledger.DEBIT, "lost":
            return counted_paise - earlier.get(ledger.CAPTURE, 0)
    return None
