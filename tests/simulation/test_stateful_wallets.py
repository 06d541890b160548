"""The stateful model of wallets, payments and refunds: what each must be, in integers."""

import json
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.simulation.faults import RAZORPAY
from tests.simulation.flows.flow import API
from tests.simulation.flows.refunds import STAFF
from tests.simulation.invariants.check import paise, refund_rows
from tests.simulation.invariants.registry import violations
from tests.simulation.stateful import INDEXES, PLANS
from tests.simulation.stateful_wallets import WalletOracle
from tests.simulation.world import Customer, Reply

AMOUNTS = st.sampled_from(["1.00", "19.99", "250.00", "500.00"])
REFUND_AMOUNTS = st.sampled_from([None, "1.00", "100.00", "250.00"])  # None: all that is left
REFUND_STATUSES = st.sampled_from(["processed", "processed", "pending", "failed"])
SYNC_PAUSE_S = 3
OPEN_MAX = 10
JUMPS_S = st.sampled_from([1, 61, 3_600, 86_400, -3_600])


class Wallets(WalletOracle):
    """What customers, staff, Razorpay and the schedule may do, and what they must be told."""

    # --- customers

    @rule(index=INDEXES, amount=AMOUNTS, plan=PLANS)
    def add_money(self, index: int, amount: str, plan: dict[int, str]) -> None:
        self._start(self.pick(self.customers, index), f"{API}/wallets/add-money/", {"amount": amount}, plan)

    @rule(index=INDEXES, amount=AMOUNTS, plan=PLANS)
    def pay_for_an_order(self, index: int, amount: str, plan: dict[int, str]) -> None:
        """Start a payment through Razorpay that does not touch the wallet."""
        body = {"amount": amount, "source": "gateway"}
        self._start(self.pick(self.customers, index), f"{API}/payments/", body, plan)

    def _start(self, customer: Customer, path: str, body: dict[str, Any], plan: dict[int, str]) -> None:
        key, is_full = f"start-{len(self.world.replies)}", self._open_count(customer) >= OPEN_MAX
        reply = self.until_definite(lambda: self.world.call(customer, "POST", path, body, key), plan)
        if is_full and reply.status == 429:
            return
        assert reply.status == 201 and reply.body["amount"] == body["amount"], reply
        self.payments.append(reply.body | {"customer": customer})

    def _open_count(self, customer: Customer) -> int:
        """How many starts may be open. One that died is so for half an hour, too."""
        row = self.world.row("PaymentsTable", customer.id, "starts")
        return len(row["payments"]) if row else 0

    @rule(index=INDEXES)
    def read_own_data(self, index: int) -> None:
        """A customer reads their wallet, the entries that lead to it, their payments, and no others."""
        customer = self.pick(self.customers, index)
        model = self.wallets[customer.id]
        (wallet,) = self.read(customer, f"{API}/wallets/")["results"]
        amounts = {name: paise(wallet[name]) for name in ("balance", "held", "available", "owed")}
        assert amounts == {name: getattr(model, name) for name in amounts}
        assert self.read(customer, f"{API}/wallets/{wallet['id']}/")["balance"] == wallet["balance"]
        entries = self.read(customer, f"{API}/wallets/{wallet['id']}/transactions/")
        assert entries["count"] == 0 or paise(entries["results"][0]["balance_after"]) <= model.cash + model.held
        own_ids = {payment["id"] for payment in self.payments if payment["customer"] is customer}
        page = self.read(customer, f"{API}/payments/")
        assert page["next"] or own_ids <= {payment["id"] for payment in page["results"]}
        for payment in self.payments:
            reply = self.world.call(customer, "GET", f"{API}/payments/{payment['id']}/")
            assert reply.status == (200 if payment["id"] in own_ids else 404)

    @rule(index=INDEXES, amount=AMOUNTS, plan=PLANS)
    def spend(self, index: int, amount: str, plan: dict[int, str]) -> None:
        customer, key = self.pick(self.customers, index), f"spend-{len(self.world.replies)}"
        body = {"amount": amount, "source": "wallet"}
        is_covered = self.wallets[customer.id].spend(paise(amount))
        reply = self.until_definite(lambda: self.world.call(customer, "POST", f"{API}/payments/", body, key), plan)
        assert reply.status == (201 if is_covered else 400), reply
        self.spends.append((customer, body, key, reply))
        if is_covered:
            self.credited[reply.body["id"]] = paise(amount)

    @precondition(lambda self: self.spends)
    @rule(index=INDEXES, plan=PLANS)
    def repeat_spend(self, index: int, plan: dict[int, str]) -> None:
        """The first outcome is repeated, whatever the wallet holds now."""
        customer, body, key, first = self.pick(self.spends, index)
        reply = self.until_definite(lambda: self.world.call(customer, "POST", f"{API}/payments/", body, key), plan)
        assert reply.status == first.status and reply.body.get("id") == first.body.get("id"), reply

    @precondition(lambda self: self.paid)
    @rule(index=INDEXES, plan=PLANS)
    def verify(self, index: int, plan: dict[int, str]) -> None:
        fields = self.pick(list(self.paid.values()), index)
        payment = self._payment(fields["razorpay_order_id"])
        path = f"{API}/payments/{payment['id']}/verify/"
        reply = self.until_definite(lambda: self.world.call(payment["customer"], "POST", path, fields), plan)
        assert reply.status == 200
        was_credited = payment["id"] in self.credited
        self._credit_if(payment, True)
        self._follow_refunds()
        if not was_credited and not plan:  # verify of a credited payment does not ask Razorpay
            self._must_know(payment)

    @precondition(lambda self: self.payments)
    @rule(index=INDEXES, plan=PLANS)
    def sync(self, index: int, plan: dict[int, str]) -> None:
        payment = self.pick(self.payments, index)
        path = f"{API}/payments/{payment['id']}/sync/"
        self.world.advance(SYNC_PAUSE_S)  # a sooner sync would not ask Razorpay
        self.until_definite(lambda: self._sync(payment, path), plan)
        self._credit_if(payment, bool({"captured", "refunded"} & self._attempt_statuses(payment)))
        self._follow_refunds()
        if not plan:
            self._must_know(payment)

    def _sync(self, payment: dict[str, Any], path: str) -> Reply:
        """One sync. One that asked Razorpay and failed has used up the pause."""
        reply = self.world.call(payment["customer"], "POST", path)
        if not reply.is_definite:
            self.world.advance(SYNC_PAUSE_S)
        return reply

    # --- refunds that are asked for

    @precondition(lambda self: self.credited)
    @rule(index=INDEXES, amount=REFUND_AMOUNTS, to_wallet=st.booleans(), by_customer=st.booleans(), plan=PLANS)
    def ask_for_refund(
        self, index: int, amount: str | None, to_wallet: bool, by_customer: bool, plan: dict[int, str]
    ) -> None:
        """Staff or the customer ask for a refund; what is left of the payment and of the wallet decides."""
        row = self.world.payment_row(self.pick(list(self.credited), index))
        is_top_up, from_wallet = row["purpose"] == "top_up", row["source"] == "wallet"
        by_customer = by_customer and is_top_up
        to_wallet = from_wallet or (to_wallet and not is_top_up)
        left = self._left_paise(row["id"])
        asked = left if amount is None else paise(amount)
        is_covered = not is_top_up or self.wallets[row["customer"]].cash >= asked
        body: dict[str, Any] = {"reason": "A stain", "destination": "wallet" if to_wallet else "source"}
        body |= {} if amount is None else {"amount": amount}
        path = f"{API if by_customer else STAFF}/payments/{row['id']}/refunds/"
        key = f"refund-{len(self.world.replies)}"
        reply = self._ask(path, body, key, plan)
        assert reply.status == (201 if 0 < asked <= left and is_covered else 409), reply
        if reply.status == 409:
            return
        assert paise(reply.body["amount"]) == asked
        self.asked.append((path, body, key, reply))
        self.refunds[reply.body["id"]] = {"payment": row["id"], "status": "requested", "counted": asked}
        wallet = self.wallets[row["customer"]]
        if to_wallet:
            wallet.give_back(asked)
            self.refunds[reply.body["id"]]["status"] = "processed"
        elif is_top_up:
            wallet.hold(reply.body["id"], asked)
        self._follow_refunds()

    @precondition(lambda self: self.asked)
    @rule(index=INDEXES, plan=PLANS)
    def repeat_refund(self, index: int, plan: dict[int, str]) -> None:
        """The same key is the same refund, and nothing is sent again."""
        path, body, key, first = self.pick(self.asked, index)
        made = len(self.world.razorpay.refunds)
        reply = self._ask(path, body, key, plan)
        assert (reply.status, reply.body["id"]) == (201, first.body["id"])
        assert len(self.world.razorpay.refunds) == made

    def _ask(self, path: str, body: dict[str, Any], key: str, plan: dict[int, str]) -> Reply:
        payment = self.world.payment_row(path.split("/")[-3])
        owner = next(customer for customer in self.customers if customer.id == payment["customer"])
        caller = self.world.staff("support") if path.startswith(STAFF) else owner
        reply = self.until_definite(lambda: self.world.call(caller, "POST", path, body, key), plan)
        self._note_reports()
        return reply

    @precondition(lambda self: self.asked or self.spends)
    @rule(index=INDEXES)
    def dry_run(self, index: int) -> None:
        """A dry run of a refund, a payment or a top-up writes nothing and asks nobody."""
        requests: list[tuple[Customer, str, dict[str, Any]]] = [
            *((self.world.staff("support"), path, body) for path, body, *_ in self.asked if path.startswith(STAFF)),
            *((customer, f"{API}/payments/", body) for customer, body, *_ in self.spends),
            (self.customers[0], f"{API}/wallets/add-money/", {"amount": "100.00"}),
        ]
        caller, path, body = self.pick(requests, index)
        self.world.wire.arm({})
        written = len(self.world.dynamodb.journal)
        reply = self.world.call(caller, "POST", f"{path}?dry_run=true", body, f"dry-{len(self.world.replies)}")
        assert reply.status in (200, 400, 403, 409, 429) and (reply.status != 200 or reply.body["id"] is None), reply
        assert len(self.world.dynamodb.journal) == written
        assert all(call.where != RAZORPAY for call in self.world.wire.calls)

    # --- Razorpay and the schedule

    @precondition(lambda self: self.payments)
    @rule(
        index=INDEXES,
        outcome=st.sampled_from(["success", "authorize", "fail", "pending"]),
        amounts=st.sampled_from([(), (), (), ("offer_paise",), ("fee_paise",)]),
    )
    def pay(self, index: int, outcome: str, amounts: tuple[str, ...]) -> None:
        payment = self.pick(self.payments, index)
        order = payment["gateway_order_id"]
        if order not in self.paid:
            tenth = paise(payment["amount"]) // 10
            choice = dict.fromkeys(amounts, tenth) if tenth > 100 else {}  # Razorpay captures no less than 1.00
            fields = self.world.pay(order, outcome, **choice)
            if "razorpay_signature" in fields:
                self.paid[order] = fields

    @rule(index=INDEXES, share=st.sampled_from([1, 3]), status=REFUND_STATUSES)
    def refund_elsewhere(self, index: int, share: int, status: str) -> None:
        razorpay = self.world.razorpay
        attempts = razorpay.payments.values()
        refundable = [attempt for attempt in attempts if attempt["captured"] and attempt["status"] == "captured"]
        if refundable:
            attempt = self.pick(refundable, index)
            amount = max((attempt["amount"] - attempt["amount_refunded"]) // share, 1)
            razorpay.control("refund", {"payment_id": attempt["id"], "amount": amount, "status": status})
            self._note_reports()

    @rule(index=INDEXES, status=st.sampled_from(["processed", "failed"]))
    def end_refund(self, index: int, status: str) -> None:
        """A pending refund ends, or the bank returns a processed one."""
        refunds = [refund for refund in self.world.razorpay.refunds.values() if refund["status"] == "pending"]
        if status == "failed":
            refunds += [r for r in self.world.razorpay.refunds.values() if r["status"] == "processed"]
        if refunds:
            refund = self.pick(refunds, index)
            self.world.razorpay.control("refund_status", {"refund_id": refund["id"], "status": status})
            self._note_reports()

    @rule(status=REFUND_STATUSES)
    def answer_refunds_with(self, status: str) -> None:
        self.world.razorpay.control("refund_status", {"status": status})

    @precondition(lambda self: self.world.event_ids)
    @rule(index=INDEXES, plan=PLANS)
    def webhook(self, index: int, plan: dict[int, str]) -> None:
        """Deliver an event, delivered before or not."""
        event_id = self.pick(self.world.event_ids, index)
        body = json.loads(self.world.razorpay.events[event_id]["body"])
        reply = self.until_definite(lambda: self.world.deliver(event_id), plan)
        assert reply.status == 200, reply
        attempt = body["payload"]["payment"]["entity"]
        payment = self._payment(attempt["order_id"])
        self._credit_if(payment, body["event"] in ("payment.captured", "order.paid"))
        if body["event"].startswith("refund."):
            self._credit_if(payment, True)  # the refund may overtake its capture
            self._follow_refunds()
            known = {row.get("gateway_refund") for row in refund_rows(self.world)}
            assert body["payload"]["refund"]["entity"]["id"] in known
        self._follow_refunds()

    @rule(jump_s=JUMPS_S, plan=PLANS)
    def time_passes(self, jump_s: int, plan: dict[int, str]) -> None:
        self.world.advance(jump_s)
        self.world.wire.arm(plan)
        self.world.reconcile()
        self.world.wire.arm({})
        self.world.reconcile()
        self._note_reports()
        self._follow_reconciler()

    @invariant()
    def wallets_equal_the_model(self) -> None:
        for customer in self.customers:
            entries = self.world.entries(customer)
            found = [entries[-1][f"{name}_paise"] for name in ("cash", "held", "owed")] if entries else [0, 0, 0]
            model = self.wallets[customer.id]
            assert found == [model.cash, model.held, model.owed]

    @invariant()
    def nothing_is_violated(self) -> None:
        assert violations(self.world) == []


WalletsTest = Wallets.TestCase
pytestmark = pytest.mark.usefixtures("harness")
