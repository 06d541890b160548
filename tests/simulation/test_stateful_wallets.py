"""The stateful model of wallets and payments: a ledger of integers."""

import json
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.simulation.flows.flow import API
from tests.simulation.invariants.check import paise, refund_rows
from tests.simulation.invariants.registry import violations
from tests.simulation.stateful import INDEXES, PLANS, Model
from tests.simulation.world import Customer, Reply

AMOUNTS = st.sampled_from(["1.00", "19.99", "250.00", "500.00"])
SYNC_PAUSE_S = 3
JUMPS_S = st.sampled_from([1, 61, 3_600, 86_400, -3_600])


class Wallets(Model):
    """`ledger` is the balance that each customer's wallet must have, in paise."""

    @initialize()
    def start(self) -> None:
        self.ledger = {customer.id: 0 for customer in self.customers}
        self.payments: list[dict[str, Any]] = []  # those through Razorpay, as first serialized
        self.paid: dict[str, dict[str, Any]] = {}  # the fields of checkout, by order
        self.credited: set[str] = set()  # orders
        self.debited: dict[str, int] = {}  # paise by refund, 0 if it is in review because its money was spent
        self.spends: list[tuple[Customer, dict[str, Any], str, int]] = []

    # --- customers

    @rule(index=INDEXES, amount=AMOUNTS, plan=PLANS)
    def add_money(self, index: int, amount: str, plan: dict[int, str]) -> None:
        customer, key = self.pick(self.customers, index), f"top-{len(self.world.replies)}"
        path = f"{API}/wallets/add-money/"
        reply = self.until_definite(lambda: self.world.call(customer, "POST", path, {"amount": amount}, key), plan)
        assert reply.status == 201 and reply.body["amount"] == amount
        self.payments.append(reply.body | {"customer": customer})

    @rule(index=INDEXES, amount=AMOUNTS, plan=PLANS)
    def pay_for_an_order(self, index: int, amount: str, plan: dict[int, str]) -> None:
        """Start a payment through Razorpay that does not touch the wallet."""
        customer, key = self.pick(self.customers, index), f"order-{len(self.world.replies)}"
        body = {"amount": amount, "source": "gateway"}
        reply = self.until_definite(lambda: self.world.call(customer, "POST", f"{API}/payments/", body, key), plan)
        assert reply.status == 201 and reply.body["amount"] == amount
        self.payments.append(reply.body | {"customer": customer})

    @rule(index=INDEXES)
    def read_own_data(self, index: int) -> None:
        """A customer reads the ledger's balance, the entries that lead to it, their payments, and no others."""
        customer = self.pick(self.customers, index)
        (wallet,) = self.read(customer, f"{API}/wallets/")["results"]
        assert paise(wallet["balance"]) == max(0, self.ledger[customer.id])
        assert self.read(customer, f"{API}/wallets/{wallet['id']}/")["balance"] == wallet["balance"]
        entries = self.read(customer, f"{API}/wallets/{wallet['id']}/transactions/")
        assert entries["count"] == 0 or entries["results"][0]["balance_after"] == wallet["balance"]
        own_ids = {payment["id"] for payment in self.payments if payment["customer"] is customer}
        page = self.read(customer, f"{API}/payments/")
        assert page["next"] or own_ids <= {payment["id"] for payment in page["results"]}
        for payment in self.payments:
            reply = self.world.call(customer, "GET", f"{API}/payments/{payment['id']}/")
            assert reply.status == (200 if payment["id"] in own_ids else 404)

    @rule(index=INDEXES, amount=AMOUNTS, plan=PLANS)
    def spend(self, index: int, amount: str, plan: dict[int, str]) -> None:
        customer, key = self.pick(self.customers, index), f"spend-{len(self.world.replies)}"
        is_covered = self.ledger[customer.id] >= paise(amount)
        body = {"amount": amount, "source": "wallet"}
        status = 201 if is_covered else 400
        self.spends.append((customer, body, key, status))
        self._spend(customer, body, key, status, plan)
        self.ledger[customer.id] -= paise(amount) if is_covered else 0

    @precondition(lambda self: self.spends)
    @rule(index=INDEXES, plan=PLANS)
    def repeat_spend(self, index: int, plan: dict[int, str]) -> None:
        """The first outcome is repeated, whatever the wallet holds now."""
        customer, body, key, status = self.pick(self.spends, index)
        self._spend(customer, body, key, status, plan)

    def _spend(self, customer: Customer, body: dict[str, Any], key: str, status: int, plan: dict[int, str]) -> None:
        reply = self.until_definite(lambda: self.world.call(customer, "POST", f"{API}/payments/", body, key), plan)
        assert reply.status == status, reply

    @precondition(lambda self: self.paid)
    @rule(index=INDEXES, plan=PLANS)
    def verify(self, index: int, plan: dict[int, str]) -> None:
        fields = self.pick(list(self.paid.values()), index)
        payment = self._payment(fields["razorpay_order_id"])
        path = f"{API}/payments/{payment['id']}/verify/"
        reply = self.until_definite(lambda: self.world.call(payment["customer"], "POST", path, fields), plan)
        assert reply.status == 200
        was_credited = self._is_credited(payment)
        self._credit_if(payment, True)
        if not was_credited:  # verify of a credited payment does not ask Razorpay
            self._learn_refunds(payment, plan)

    @precondition(lambda self: self.payments)
    @rule(index=INDEXES, plan=PLANS)
    def sync(self, index: int, plan: dict[int, str]) -> None:
        payment = self.pick(self.payments, index)
        path = f"{API}/payments/{payment['id']}/sync/"
        self.world.advance(SYNC_PAUSE_S)  # a sooner sync would not ask Razorpay
        self.until_definite(lambda: self._sync(payment, path), plan)
        self._credit_if(payment, bool({"captured", "refunded"} & self._attempt_statuses(payment)))
        self._learn_refunds(payment, plan)

    def _sync(self, payment: dict[str, Any], path: str) -> Reply:
        """One sync. One that asked Razorpay and failed has used up the pause."""
        reply = self.world.call(payment["customer"], "POST", path)
        if not reply.is_definite:
            self.world.advance(SYNC_PAUSE_S)
        return reply

    # --- Razorpay and the schedule

    @precondition(lambda self: self.payments)
    @rule(index=INDEXES, outcome=st.sampled_from(["success", "authorize", "fail", "pending"]))
    def pay(self, index: int, outcome: str) -> None:
        order = self.pick(self.payments, index)["gateway_order_id"]
        if order not in self.paid:
            fields = self.world.pay(order, outcome)
            if "razorpay_signature" in fields:
                self.paid[order] = fields

    @rule(index=INDEXES, share=st.sampled_from([1, 3]))
    def refund(self, index: int, share: int) -> None:
        razorpay = self.world.razorpay
        attempts = razorpay.payments.values()
        refundable = [attempt for attempt in attempts if attempt["captured"] and attempt["status"] == "captured"]
        if refundable:
            attempt = self.pick(refundable, index)
            amount_max = attempt["amount"] - attempt["amount_refunded"]
            razorpay.control("refund", {"payment_id": attempt["id"], "amount": max(amount_max // share, 1)})

    @precondition(lambda self: self.world.event_ids)
    @rule(index=INDEXES, plan=PLANS)
    def webhook(self, index: int, plan: dict[int, str]) -> None:
        """Deliver an event, delivered before or not."""
        event_id = self.pick(self.world.event_ids, index)
        body = json.loads(self.world.razorpay.events[event_id]["body"])
        reply = self.until_definite(lambda: self.world.deliver(event_id), plan)
        assert reply.status == 200, reply
        payment = self._payment(body["payload"]["payment"]["entity"]["order_id"])
        self._credit_if(payment, body["event"] in ("payment.captured", "order.paid"))
        if body["event"].startswith("refund."):
            self._credit_if(payment, True)  # the refund may overtake its capture
            self._judge_refund(payment, body["payload"]["refund"]["entity"])
        if body["payload"]["payment"]["entity"]["amount_refunded"] > self._recorded_paise(payment):
            self._learn_refunds(payment, plan)

    @rule(jump_s=JUMPS_S, plan=PLANS)
    def time_passes(self, jump_s: int, plan: dict[int, str]) -> None:
        self.world.advance(jump_s)
        self.world.wire.arm(plan)
        self.world.reconcile()
        self.world.wire.arm({})
        self.world.reconcile()
        for payment in self.payments:  # the reconciler decides which were due, the model what they are worth
            row = self.world.payment_row(payment["id"])
            money = {"captured", "refunded"} & self._attempt_statuses(payment)
            self._credit_if(payment, "gateway_payment" in row and bool(money))
            self._judge_as_stored(payment)

    # --- the oracle

    def _payment(self, order: str) -> dict[str, Any]:
        return next(payment for payment in self.payments if payment["gateway_order_id"] == order)

    def _attempt_statuses(self, payment: dict[str, Any]) -> set[str]:
        """Razorpay's statuses of all attempts to pay."""
        attempts = self.world.razorpay.payments.values()
        order = payment["gateway_order_id"]
        return {str(attempt["status"]) for attempt in attempts if attempt["order_id"] == order}

    def _is_credited(self, payment: dict[str, Any]) -> bool:
        return payment["gateway_order_id"] in self.credited

    def _refunds(self, payment: dict[str, Any]) -> list[dict[str, Any]]:
        """Razorpay's processed refunds of the payment, oldest first."""
        attempts = self.world.razorpay.payments
        refunds = self.world.razorpay.refunds.values()
        order = payment["gateway_order_id"]
        return [refund for refund in refunds if attempts[refund["payment_id"]]["order_id"] == order]

    def _recorded_paise(self, payment: dict[str, Any]) -> int:
        """What the model has debited of the payment so far."""
        return sum(self.debited.get(refund["id"], 0) for refund in self._refunds(payment))

    def _learn_refunds(self, payment: dict[str, Any], plan: dict[int, str]) -> None:
        """Whoever asks about a credited payment applies each of its refunds, or after a fault perhaps none."""
        if plan:
            self._judge_as_stored(payment)
        elif self._is_credited(payment):
            for refund in self._refunds(payment):
                self._judge_refund(payment, refund)

    def _judge_refund(self, payment: dict[str, Any], refund: dict[str, Any]) -> None:
        """The first report of a refund takes it. What is spent already is owed: the model falls below zero."""
        if refund["id"] in self.debited:
            return
        self.debited[refund["id"]] = refund["amount"]
        if payment["purpose"] == "top_up":
            self.ledger[payment["customer"].id] -= refund["amount"]

    def _judge_as_stored(self, payment: dict[str, Any]) -> None:
        """The reconciler takes payments in its own order, which decides what the money is enough for."""
        recorded = {row.get("gateway_refund") for row in refund_rows(self.world)}
        for refund in self._refunds(payment):
            if refund["id"] in recorded:
                self._judge_refund(payment, refund)

    def _credit_if(self, payment: dict[str, Any], captured: bool) -> None:
        """The first report of a capture, and only the first, credits a top-up."""
        if captured and not self._is_credited(payment):
            self.credited.add(payment["gateway_order_id"])
            self.ledger[payment["customer"].id] += paise(payment["amount"]) * (payment["purpose"] == "top_up")

    @invariant()
    def balances_equal_the_ledger(self) -> None:
        balances = {customer.id: self.world.balance_paise(customer) for customer in self.customers}
        assert balances == {customer_id: max(0, paise) for customer_id, paise in self.ledger.items()}

    @invariant()
    def nothing_is_violated(self) -> None:
        assert violations(self.world) == []


WalletsTest = Wallets.TestCase
pytestmark = pytest.mark.usefixtures("harness")
