"""Disputes, refunds and spending in every order that could matter, against plain integers."""

from itertools import permutations

import pytest

from shared.desk.resolve import resolve
from shared.desk.reviews import reviews_of
from shared.disputes.models import list_disputes
from shared.errors import Conflict, InsufficientFunds
from shared.payments.models import Payment
from shared.payments.review import is_open, marks_of
from shared.refunds.apply import apply_to_paid
from shared.refunds.models import list_refunds
from shared.refunds.send import TAKEN_BACK, send
from tests.unit.conftest import Razorpay
from tests.unit.disputes.support import DISPUTE_ID, SECOND_DISPUTE_ID, contested, dispute
from tests.unit.payments.support import a_refund, credited, entries, stored
from tests.unit.refunds.support import TOO_POOR, ask, report, spend

PAID = 50_000


class Books:
    """What the wallet and the payment must say, in integers: money moves once, and never more than was credited."""

    def __init__(self) -> None:
        self.cash, self.held, self.owed = PAID, 0, 0
        self.refunded = self.disputed = self.lost = self.hold = 0
        self.status = ""
        self.excess = 0

    @property
    def refundable(self) -> int:
        return max(0, PAID - self.refunded - self.disputed - self.lost)

    def take(self, paise: int) -> None:
        taken = min(self.cash, paise)
        self.cash, self.owed = self.cash - taken, self.owed + paise - taken

    def spend(self, paise: int) -> None:
        if self.cash >= paise:
            self.cash -= paise

    def ask(self, paise: int) -> None:
        if paise <= min(self.refundable, self.cash):
            self.cash, self.refunded = self.cash - paise, self.refunded + paise

    def refund(self, paise: int) -> None:
        counted = min(paise, PAID - self.refunded - self.lost)
        self.take(counted)
        self.refunded, self.excess = self.refunded + counted, self.excess + paise - counted

    def dispute(self, status: str, paise: int) -> None:
        ranks = {"": 0, "open": 1, "under_review": 2}
        if self.status not in ranks or ranks.get(status, 3) <= ranks[self.status]:
            return
        if not self.status and status in ranks:
            self.disputed = min(paise, self.refundable)
            self.hold = min(self.disputed, self.cash)
            self.cash, self.held = self.cash - self.hold, self.hold
        self.status = status
        if status in ranks:
            return
        counted = min(paise, PAID - self.refunded - self.lost) if status == "lost" else 0
        captured = min(self.held, counted)
        self.free(self.held - captured, PAID - self.refunded - self.lost - counted)
        self.held = self.disputed = 0
        self.take(counted - captured)
        self.lost, self.excess = self.lost + counted, self.excess + (paise - counted if status == "lost" else 0)

    def free(self, paise: int, left: int) -> None:
        """Of what a hold frees, the payment's part that others took pays what is owed."""
        recovered = min(self.owed, max(0, paise - left))
        self.cash, self.owed = self.cash + paise - recovered, self.owed - recovered


def step(name: str, paise: int, payment: Payment, books: Books) -> None:
    if name == "spend":
        books.spend(paise)
        try:
            spend(paise)
        except InsufficientFunds:
            pass
    elif name == "ask":
        books.ask(paise)
        try:
            ask(payment, paise)
        except Conflict:
            pass
    elif name == "foreign":
        books.refund(paise)
        report(payment, a_refund(paise, id="rfnd_00000000000009"))
    else:
        books.dispute(name, paise)
        dispute(payment, name, paise)


def check(payment: Payment, books: Books) -> None:
    head, found = entries()[-1], stored(payment)
    assert (head.cash_paise, head.held_paise, head.owed_paise) == (books.cash, books.held, books.owed)
    assert books.held or not (books.cash and books.owed)  # nobody spends money that they have back already
    assert contested(payment) == (books.disputed, books.lost, books.refundable)
    assert found.refunded_paise == books.refunded <= PAID - books.lost
    assert bool(found.in_review) == (books.excess > 0)
    asked = sum(refund.amount_paise for refund in list_refunds(payment.id) if refund.asked_by != "gateway")
    assert asked <= PAID


STEPS = {
    "spent": (("open", 50_000), ("spend", 20_000), ("lost", 50_000)),
    "answered": (("open", 50_000), ("spend", 50_000), ("under_review", 50_000), ("won", 50_000)),
    "asked": (("open", 30_000), ("ask", 20_001), ("lost", 30_000), ("spend", 10_000)),
    "asked within what is left": (("open", 30_000), ("ask", 20_000), ("lost", 30_000)),
    "asked for all": (("open", 50_000), ("ask", 50_000), ("won", 50_000)),
    "refunded at Razorpay": (("open", 50_000), ("foreign", 50_000), ("lost", 50_000), ("spend", 20_000)),
    "a part refunded": (("open", 40_000), ("foreign", 30_000), ("lost", 40_000)),
    "two ends": (("closed", 50_000), ("won", 50_000), ("lost", 50_000)),
}
ORDERS = [
    pytest.param(order, id=f"{name}: {' '.join(step for step, _ in order)}")
    for name, steps in STEPS.items()
    for order in permutations(steps)
]


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_ends_as_the_integers_say(order: tuple[tuple[str, int], ...], razorpay: Razorpay) -> None:
    payment, books = credited(), Books()
    for name, paise in order:
        step(name, paise, payment, books)
        check(payment, books)
        if name not in ("spend", "ask"):  # what Razorpay reports may come twice
            before = len(entries())
            if name == "foreign":
                report(payment, a_refund(paise, id="rfnd_00000000000009"))
            else:
                dispute(payment, name, paise)
            assert len(entries()) == before
            check(payment, books)


def test_refund_of_what_is_disputed_is_refused() -> None:
    payment = credited()
    credited(attempt_id="pay_00000000000002")  # there would be cash for it
    dispute(payment, amount_paise=30_000)
    with pytest.raises(Conflict) as refused:
        ask(payment, 20_001)
    assert refused.value.code == "refund_limit" and ask(payment, 20_000).refund.status == "processed"
    with pytest.raises(Conflict):
        ask(payment, 1, key="more")
    dispute(payment, "won", 30_000)
    assert ask(payment, 30_000, key="rest").refund.status == "processed"


def test_dispute_on_a_refunded_payment_holds_nothing_of_other_money(razorpay: Razorpay) -> None:
    payment = credited()
    ask(payment, 50_000)
    credited(attempt_id="pay_00000000000002")
    dispute(payment)
    assert contested(payment) == (0, 0, 0) and entries()[-1].cash_paise == 50_000
    result = dispute(payment, "lost")
    assert result.flagged == "exceeds_captured" and entries()[-1].cash_paise == 50_000
    assert list(stored(payment).review) == [f"{DISPUTE_ID}:exceeds_captured"]


def test_each_phase_that_takes_too_much_has_its_review() -> None:
    """Staff have ended the review of the first phase, and the second one takes the money once more."""
    payment = credited()
    dispute(payment, "lost")
    dispute(payment, "lost", phase="pre_arbitration")
    (item,) = reviews_of(stored(payment))
    resolve("rita", item.id, {"action": "dismiss", "reason": "The bank was asked", "assignee": ""})
    dispute(payment, "lost", phase="arbitration")
    phases = [f"{DISPUTE_ID}.{phase}:exceeds_captured" for phase in ("pre_arbitration", "arbitration")]
    assert [(mark, is_open(value)) for mark, value in marks_of(stored(payment)).items()] == list(
        zip(phases, (False, True), strict=True)
    )


def test_disputes_at_once_hold_no_more_than_was_credited() -> None:
    payment = credited()
    credited(attempt_id="pay_00000000000002")
    dispute(payment, amount_paise=30_000)
    dispute(payment, amount_paise=30_000, id=SECOND_DISPUTE_ID)
    assert contested(payment) == (50_000, 0, 0) and entries()[-1].held_paise == 50_000
    dispute(payment, "lost", 30_000)
    dispute(payment, "lost", 30_000, id=SECOND_DISPUTE_ID)
    assert contested(payment) == (0, 50_000, 0) and entries()[-1].cash_paise == 50_000
    assert [row.counted_paise for row in list_disputes(payment.id)] == [30_000, 20_000]
    assert list(stored(payment).review) == [f"{SECOND_DISPUTE_ID}:exceeds_captured"]


def test_refund_that_waited_while_its_money_was_lost_is_not_sent(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refund_faults.append(TOO_POOR)
    refund = ask(payment, 30_000).refund
    dispute(payment, "lost", 30_000)
    razorpay.calls.clear()
    failed = send(stored(payment), refund, "reconcile")
    assert (failed.status, failed.failure) == ("failed", TAKEN_BACK) and razorpay.calls == []
    head = entries()[-1]
    assert (head.cash_paise, head.held_paise, head.owed_paise) == (20_000, 0, 0)  # 300.00 of 500.00 are lost


def test_hold_whose_payment_others_took_pays_what_is_owed(razorpay: Razorpay) -> None:
    razorpay.refund_status = "pending"
    payment = credited()
    refund = ask(payment, 50_000).refund
    dispute(payment, "lost")
    assert (entries()[-1].held_paise, entries()[-1].owed_paise) == (50_000, 50_000)
    report(payment, a_refund(50_000, id=str(refund.gateway_refund), status="failed"))
    head = entries()[-1]
    assert (head.cash_paise, head.held_paise, head.owed_paise) == (0, 0, 0)
    assert contested(payment) == (0, 50_000, 0)


def test_hold_pays_no_debt_of_another_payment(razorpay: Razorpay) -> None:
    """It is money that the customer never got back: next top-ups pay the debt."""
    razorpay.refund_status = "pending"
    lost, other = credited(), credited(attempt_id="pay_00000000000002")
    spend(50_000)
    refund = ask(other, 50_000).refund
    dispute(lost, "lost")
    failed = a_refund(50_000, id=str(refund.gateway_refund), payment="pay_00000000000002", status="failed")
    apply_to_paid(other, failed)
    head = entries()[-1]
    assert (head.cash_paise, head.held_paise, head.owed_paise) == (50_000, 0, 50_000)
