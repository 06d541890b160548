"""What the rules of payments return: facts, which the functions serialize."""

from typing import NamedTuple

from shared.payments.lifecycle import PENDING_STATUSES, TOP_UP, WALLET
from shared.payments.models import Payment
from shared.wallets.models import Entry
from shared.wallets.wallet import get_wallet


class CreatedPayment(NamedTuple):
    """A payment and, if it has moved the wallet, the wallet's newest entry.

    `replayed` is true when an earlier request with the same key created it.
    """

    payment: Payment
    entry: Entry | None = None
    replayed: bool = False


class ApplyResult(NamedTuple):
    """A payment after a report was applied, and what this call changed.

    `entry` is the entry that it appended, `captured` says that the payment turned captured, `flagged` is the reason
    for which it was put in review, `refunded` and `disputed` are the status that a refund or a dispute of it took,
    `card_saved` says that its card became a saved method. `asked_recently` says that Razorpay was not asked, since it
    was a moment ago.
    """

    payment: Payment
    entry: Entry | None = None
    captured: bool = False
    flagged: str = ""
    refunded: str = ""
    disputed: str = ""
    card_saved: bool = False
    asked_recently: bool = False

    @property
    def is_pending(self) -> bool:
        return self.payment.status in PENDING_STATUSES

    @property
    def is_news(self) -> bool:
        """Whether the report said something that was not recorded."""
        return bool(self.counts or self.refunded)

    @property
    def counts(self) -> dict[str, int]:
        """What happened, by the name of its metric."""
        counts = {
            "PaymentCaptured": int(self.captured),
            "AmountCapturedPaise": (self.payment.paid_paise or 0) if self.captured else 0,
            "PaymentFlagged": int(bool(self.flagged)),
            "DisputeChanged": int(bool(self.disputed)),
            "MethodSaved": int(self.card_saved),
        }
        return {name: count for name, count in counts.items() if count}

    def merge(self, later: "ApplyResult") -> "ApplyResult":
        """Both results as one: the later payment, and everything that either of them changed."""
        return ApplyResult(
            payment=later.payment,
            entry=later.entry or self.entry,
            captured=self.captured or later.captured,
            flagged=self.flagged or later.flagged,
            refunded=later.refunded or self.refunded,
            disputed=later.disputed or self.disputed,
            card_saved=self.card_saved or later.card_saved,
        )


class WebhookResult(NamedTuple):
    """The outcome of a webhook event: applied, unchanged (known already), ignored or unusable."""

    outcome: str
    applied: ApplyResult | None = None


def wallet_entry_after(payment: Payment) -> Entry | None:
    """The newest entry of the wallet, if this payment has moved it."""
    moves_wallet = payment.purpose == TOP_UP or payment.source == WALLET
    return get_wallet(payment.customer) if payment.is_paid and moves_wallet else None
