"""State machines of everything a customer, the gateway and S3 may do, with plain values as their oracles: a ledger of
integers, the saved methods with their default, and what must have become of each photo.

Hypothesis chooses what happens and which calls fail; what it finds it makes as short as it can.
"""

import json
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.prove import photo_invariants
from tests.prove.drivers import API
from tests.prove.faults import FAULTS
from tests.prove.invariants import paise, violations
from tests.prove.photo_flows import DUE_S, UPLOAD, photo
from tests.prove.world import STAGE, Customer, Reply, World

AMOUNTS = st.sampled_from(["1.00", "19.99", "250.00", "500.00"])
JUMPS_S = st.sampled_from([1, 61, 3_600, 86_400, -3_600])
# At which call of a request, and what.
PLANS = st.dictionaries(st.integers(0, 6), st.sampled_from(sorted(FAULTS)), max_size=2)
WHICH = st.integers(0, 10**6)
NICKNAMES = st.sampled_from(["mine", "the shop's", ""])
AWAITED_US = 2 * 3_600 * 1_000_000  # how long a photo is waited for
PHOTOS, METHODS = "/api/mobile/images/", f"{API}/payment-methods/"
PICTURES = {photo(): "ready", b"no picture, however long one looks at it": "rejected"}


class Machine(RuleBasedStateMachine):
    """A world with two customers."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World("stateful")
        STAGE.warm()
        self.customers = [self.world.customer(), self.world.customer()]

    def until_definite(self, act: Any, plan: dict[int, str]) -> Reply:
        """Once with faults; then again without, until the answer is one to rely on."""
        self.world.wire.arm(plan)
        reply: Reply = act()
        self.world.wire.arm({})
        for _ in range(3):
            if reply.is_definite:
                return reply
            reply = act()
        raise AssertionError(f"no definite answer without faults: {reply}")

    def pick(self, of: list[Any], which: int) -> Any:
        return of[which % len(of)]

    def seen(self, customer: Customer, path: str) -> Any:
        """What the customer is shown there."""
        reply = self.world.call(customer, "GET", path)
        assert reply.status == 200, reply
        return reply.body

    def another(self, customer: Customer) -> Customer:
        return next(one for one in self.customers if one is not customer)


class Wallets(Machine):
    """`ledger` is what each customer's wallet must hold."""

    @initialize()
    def start(self) -> None:
        self.ledger = {customer.id: 0 for customer in self.customers}
        self.payments: list[dict[str, Any]] = []  # by the gateway, as they were answered
        self.shown: dict[str, dict[str, Any]] = {}  # order to what checkout gave the app
        self.credited: set[str] = set()  # orders
        self.given_back: set[str] = set()  # refunds taken back
        self.spends: list[tuple[Customer, dict[str, Any], str, int]] = []

    # --- what customers do

    @rule(which=WHICH, amount=AMOUNTS, plan=PLANS)
    def add_money(self, which: int, amount: str, plan: dict[int, str]) -> None:
        customer, key = self.pick(self.customers, which), f"top-{len(self.world.replies)}"
        path = f"{API}/wallets/add-money/"
        reply = self.until_definite(lambda: self.world.call(customer, "POST", path, {"amount": amount}, key), plan)
        assert reply.status == 201 and reply.body["amount"] == amount
        self.payments.append(reply.body | {"customer": customer})

    @rule(which=WHICH, amount=AMOUNTS, plan=PLANS)
    def pay_for_an_order(self, which: int, amount: str, plan: dict[int, str]) -> None:
        """Through the gateway, past the wallet."""
        customer, key = self.pick(self.customers, which), f"order-{len(self.world.replies)}"
        body = {"amount": amount, "source": "gateway"}
        reply = self.until_definite(lambda: self.world.call(customer, "POST", f"{API}/payments/", body, key), plan)
        assert reply.status == 201 and reply.body["amount"] == amount
        self.payments.append(reply.body | {"customer": customer})

    @rule(which=WHICH)
    def look(self, which: int) -> None:
        """The wallet as the ledger has it, its entries up to there, the payments; and nothing of another's."""
        customer = self.pick(self.customers, which)
        (wallet,) = self.seen(customer, f"{API}/wallets/")["results"]
        assert paise(wallet["balance"]) == self.ledger[customer.id]
        assert self.seen(customer, f"{API}/wallets/{wallet['id']}/")["balance"] == wallet["balance"]
        entries = self.seen(customer, f"{API}/wallets/{wallet['id']}/transactions/")
        assert entries["count"] == 0 or entries["results"][0]["balance_after"] == wallet["balance"]
        mine = {one["id"] for one in self.payments if one["customer"] is customer}
        shown = self.seen(customer, f"{API}/payments/")
        assert shown["next"] or mine <= {one["id"] for one in shown["results"]}
        for payment in self.payments:
            reply = self.world.call(customer, "GET", f"{API}/payments/{payment['id']}/")
            assert reply.status == (200 if payment["id"] in mine else 404)

    @rule(which=WHICH, amount=AMOUNTS, plan=PLANS)
    def spend(self, which: int, amount: str, plan: dict[int, str]) -> None:
        customer, key = self.pick(self.customers, which), f"spend-{len(self.world.replies)}"
        covered = self.ledger[customer.id] >= paise(amount)
        body = {"amount": amount, "source": "wallet"}
        self.spends.append((customer, body, key, 201 if covered else 400))
        self._spend(*self.spends[-1], plan)
        self.ledger[customer.id] -= paise(amount) if covered else 0

    @precondition(lambda self: self.spends)
    @rule(which=WHICH, plan=PLANS)
    def spend_again(self, which: int, plan: dict[int, str]) -> None:
        """The first answer, whatever the wallet holds by now."""
        self._spend(*self.pick(self.spends, which), plan)

    def _spend(self, customer: Customer, body: dict[str, Any], key: str, status: int, plan: dict[int, str]) -> None:
        reply = self.until_definite(lambda: self.world.call(customer, "POST", f"{API}/payments/", body, key), plan)
        assert reply.status == status, reply

    @precondition(lambda self: self.shown)
    @rule(which=WHICH, plan=PLANS)
    def verify(self, which: int, plan: dict[int, str]) -> None:
        shown = self.pick(list(self.shown.values()), which)
        payment = self._payment(shown["razorpay_order_id"])
        path = f"{API}/payments/{payment['id']}/verify/"
        reply = self.until_definite(lambda: self.world.call(payment["customer"], "POST", path, shown), plan)
        told = self.world.gateway.payments[shown["razorpay_payment_id"]]
        assert reply.status == (202 if told["status"] == "refunded" and not self._is_credited(payment) else 200)
        self._learn_if(payment, told["status"] == "captured")

    @precondition(lambda self: self.payments)
    @rule(which=WHICH, plan=PLANS)
    def sync(self, which: int, plan: dict[int, str]) -> None:
        payment = self.pick(self.payments, which)
        path = f"{API}/payments/{payment['id']}/sync/"
        self.until_definite(lambda: self.world.call(payment["customer"], "POST", path), plan)
        self._learn_if(payment, "captured" in self._statuses(payment))

    # --- what the gateway does

    @precondition(lambda self: self.payments)
    @rule(which=WHICH, outcome=st.sampled_from(["success", "authorize", "fail", "pending"]))
    def pay(self, which: int, outcome: str) -> None:
        order = self.pick(self.payments, which)["gateway_order_id"]
        if order not in self.shown:
            shown = self.world.pay(order, outcome)
            if "razorpay_signature" in shown:
                self.shown[order] = shown

    @rule(which=WHICH, share=st.sampled_from([1, 3]))
    def give_back(self, which: int, share: int) -> None:
        gateway = self.world.gateway
        left = [one for one in gateway.payments.values() if one["captured"] and one["status"] == "captured"]
        if left:
            told = self.pick(left, which)
            most = told["amount"] - told["amount_refunded"]
            gateway.control("refund", {"payment_id": told["id"], "amount": max(most // share, 1)})

    @precondition(lambda self: self.world.events)
    @rule(which=WHICH, plan=PLANS)
    def webhook(self, which: int, plan: dict[int, str]) -> None:
        """Any event, delivered before or not."""
        event = self.pick(self.world.events, which)
        body = json.loads(self.world.gateway.events[event]["body"])
        reply = self.until_definite(lambda: self.world.deliver(event), plan)
        assert reply.status == 200, reply
        told = body["payload"]["payment"]["entity"]
        payment = self._payment(told["order_id"])
        self._learn_if(payment, body["event"] in ("payment.captured", "order.paid"))
        if body["event"].startswith("refund."):
            refund = body["payload"]["refund"]["entity"]
            self._learn_if(payment, True)  # the refund may overtake its capture
            holds = self.ledger[payment["customer"].id] >= refund["amount"]
            if payment["purpose"] == "top_up" and refund["id"] not in self.given_back and holds:
                self.given_back.add(refund["id"])
                self.ledger[payment["customer"].id] -= refund["amount"]

    @rule(jump_s=JUMPS_S, plan=PLANS)
    def time_passes(self, jump_s: int, plan: dict[int, str]) -> None:
        self.world.forward(jump_s)
        self.world.wire.arm(plan)
        self.world.reconcile()
        self.world.wire.arm({})
        self.world.reconcile()
        for payment in self.payments:  # which of them were due is the reconciler's to say, what they are worth is not
            row = next(one for one in self.world.rows("PaymentsTable") if one["id"] == payment["id"])
            self._learn_if(payment, row["status"] == "captured" and "captured" in self._statuses(payment))

    # --- the oracle

    def _payment(self, order: str) -> dict[str, Any]:
        return next(one for one in self.payments if one["gateway_order_id"] == order)

    def _statuses(self, payment: dict[str, Any]) -> set[str]:
        """What the gateway says of every attempt to pay."""
        attempts = self.world.gateway.payments.values()
        return {str(one["status"]) for one in attempts if one["order_id"] == payment["gateway_order_id"]}

    def _is_credited(self, payment: dict[str, Any]) -> bool:
        return payment["gateway_order_id"] in self.credited

    def _learn_if(self, payment: dict[str, Any], captured: bool) -> None:
        """The first time that anyone tells of the capture, and only then, the money is there."""
        if captured and not self._is_credited(payment):
            self.credited.add(payment["gateway_order_id"])
            self.ledger[payment["customer"].id] += paise(payment["amount"]) * (payment["purpose"] == "top_up")

    @invariant()
    def the_wallets_hold_what_the_ledger_says(self) -> None:
        held = {customer.id: self.world.balance_paise(customer) for customer in self.customers}
        assert held == self.ledger

    @invariant()
    def nothing_is_violated(self) -> None:
        assert violations(self.world) == []


class Methods(Machine):
    """`kept` is each customer's methods by id, the oldest first, each with its nickname; `default` is one or none."""

    @initialize()
    def start(self) -> None:
        self.kept: dict[str, dict[str, str]] = {customer.id: {} for customer in self.customers}
        self.default: dict[str, str | None] = dict.fromkeys(self.kept)
        self.saved: list[tuple[Customer, str]] = []  # forgotten ones too

    @rule(which=WHICH, nickname=NICKNAMES, is_default=st.booleans())
    def save(self, which: int, nickname: str, is_default: bool) -> None:
        """Without faults: it has no key, so a retry may save a second one, which the crash points look at."""
        customer = self.pick(self.customers, which)
        self.world.forward(1)  # the order of two saved in one moment is nobody's to say
        body = {"type": "upi", "upi_id": customer.vpa, "nickname": nickname, "is_default": is_default}
        reply = self.world.call(customer, "POST", METHODS, body)
        assert reply.status == 201 and reply.body["is_default"] == is_default, reply
        self.saved.append((customer, reply.body["id"]))
        self.kept[customer.id][reply.body["id"]] = nickname
        if is_default:
            self.default[customer.id] = reply.body["id"]

    @precondition(lambda self: self.saved)
    @rule(which=WHICH, nickname=NICKNAMES, is_default=st.sampled_from([None, True, False]), plan=PLANS)
    def change(self, which: int, nickname: str, is_default: bool | None, plan: dict[int, str]) -> None:
        customer, name = self.pick(self.saved, which)
        body = {"nickname": nickname} | ({} if is_default is None else {"is_default": is_default})
        self._ask(customer, "PATCH", name, body, plan)
        if name in self.kept[customer.id]:
            self.kept[customer.id][name] = nickname
            self._prefer(customer, name, is_default)

    @precondition(lambda self: self.saved)
    @rule(which=WHICH, plan=PLANS)
    def set_default(self, which: int, plan: dict[int, str]) -> None:
        customer, name = self.pick(self.saved, which)
        self._ask(customer, "POST", f"{name}/set_default", None, plan)
        if name in self.kept[customer.id]:
            self._prefer(customer, name, True)

    @precondition(lambda self: self.saved)
    @rule(which=WHICH, plan=PLANS)
    def forget(self, which: int, plan: dict[int, str]) -> None:
        """A retry finds it gone."""
        customer, name = self.pick(self.saved, which)
        path = f"{METHODS}{name}/"
        reply = self.until_definite(lambda: self.world.call(customer, "DELETE", path), plan)
        assert reply.status == 404 or (reply.status == 204 and name in self.kept[customer.id]), reply
        self.kept[customer.id].pop(name, None)
        self._prefer(customer, name, False)

    @precondition(lambda self: self.saved)
    @rule(which=WHICH)
    def try_anothers(self, which: int) -> None:
        customer, name = self.pick(self.saved, which)
        for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "set_default/")):
            body = {"nickname": "not mine"} if method == "PATCH" else None
            reply = self.world.call(self.another(customer), method, f"{METHODS}{name}/{path}", body)
            assert reply.status == 404, reply

    def _ask(self, customer: Customer, method: str, path: str, body: Any, plan: dict[int, str]) -> None:
        reply = self.until_definite(lambda: self.world.call(customer, method, f"{METHODS}{path}/", body), plan)
        assert reply.status == (200 if path.partition("/")[0] in self.kept[customer.id] else 404), reply

    def _prefer(self, customer: Customer, name: str, wanted: bool | None) -> None:
        if wanted:
            self.default[customer.id] = name
        elif wanted is False and self.default[customer.id] == name:
            self.default[customer.id] = None

    @invariant()
    def each_is_shown_what_is_kept(self) -> None:
        """The default first, then the newest."""
        for customer in self.customers:
            kept, default = self.kept[customer.id], self.default[customer.id]
            newest = list(reversed(kept))
            wanted = [name for name in newest if name == default] + [name for name in newest if name != default]
            shown = self.seen(customer, METHODS)["results"]
            told = [(one["id"], one["nickname"], one["is_default"]) for one in shown]
            assert told == [(name, kept[name], name == default) for name in wanted]

    @invariant()
    def nothing_is_violated(self) -> None:
        assert violations(self.world) == []


class Photos(Machine):
    """`becomes` is what each photo must be told as."""

    @initialize()
    def start(self) -> None:
        self.tickets: list[dict[str, Any]] = []
        self.becomes: dict[str, str] = {}
        self.first: dict[str, bytes] = {}  # what was uploaded first, by photo

    @rule(which=WHICH, plan=PLANS)
    def ask_for_a_ticket(self, which: int, plan: dict[int, str]) -> None:
        customer = self.pick(self.customers, which)
        asked = {"content_type": "image/jpeg"}
        reply = self.until_definite(lambda: self.world.call(customer, "POST", UPLOAD, asked), plan)
        assert reply.status == 201, reply
        due_us = self.world.clock_us + AWAITED_US
        self.tickets.append(reply.body | {"customer": customer, "due_us": due_us})
        self.becomes[reply.body["id"]] = "awaiting_upload"

    @precondition(lambda self: self.tickets)
    @rule(which=WHICH, data=st.sampled_from(list(PICTURES)))
    def upload(self, which: int, data: bytes) -> None:
        """The first under a key is the photo, whatever follows; and after the end nothing comes of it."""
        ticket = self.pick(self.tickets, which)
        if self.becomes[ticket["id"]] != "deleted":  # a ticket is good for less time than a deleted photo's row
            self.first.setdefault(ticket["id"], data)
            self.world.put_upload(ticket, data)

    @precondition(lambda self: self.first)
    @rule(which=WHICH, plan=PLANS)
    def s3_tells(self, which: int, plan: dict[int, str]) -> None:
        """Of any upload, told before or not."""
        ticket = self.pick([one for one in self.tickets if one["id"] in self.first], which)
        key = ticket["upload"]["fields"]["key"]
        reply = self.until_definite(lambda: self.world.tell_of_upload(key), plan)
        assert reply.status == 200, reply
        if self.becomes[ticket["id"]] == "awaiting_upload":
            self.becomes[ticket["id"]] = PICTURES[self.first[ticket["id"]]]

    @precondition(lambda self: self.tickets)
    @rule(which=WHICH, plan=PLANS)
    def delete_photo(self, which: int, plan: dict[int, str]) -> None:
        ticket = self.pick(self.tickets, which)
        path = f"{PHOTOS}{ticket['id']}/"
        reply = self.until_definite(lambda: self.world.call(ticket["customer"], "DELETE", path), plan)
        assert reply.status in (204, 404)
        self.becomes[ticket["id"]] = "deleted"

    @rule(which=WHICH)
    def look(self, which: int) -> None:
        """Each photo as it stands, in the list and alone; another's and a deleted one nowhere."""
        customer = self.pick(self.customers, which)
        mine = {one["id"] for one in self.tickets if one["customer"] is customer}
        wanted = {name: self.becomes[name] for name in mine if self.becomes[name] != "deleted"}
        shown = self.seen(customer, PHOTOS)
        told = {one["id"]: one["status"] for one in shown["results"]}
        assert shown["next"] or wanted.items() <= told.items()
        for ticket in self.tickets:
            reply = self.world.call(customer, "GET", f"{PHOTOS}{ticket['id']}/")
            assert reply.status == (200 if ticket["id"] in wanted else 404)

    @rule(plan=PLANS)
    def the_sweeper_looks(self, plan: dict[int, str]) -> None:
        """Mostly when what waits has waited long enough; the second time for what the first one could not."""
        self.world.forward(DUE_S)
        due = [one["id"] for one in self.tickets if one["due_us"] <= self.world.clock_us]
        self.world.wire.arm(plan)
        self.world.sweep()
        self.world.wire.arm({})
        self.world.sweep()
        for name in due:
            if self.becomes[name] == "awaiting_upload":
                self.becomes[name] = "expired"

    @invariant()
    def photos_are_what_became_of_them(self) -> None:
        kept = {row["id"]: row["status"] for row in photo_invariants.rows(self.world)}
        for name, status in self.becomes.items():
            assert kept.get(name, "deleted") == status

    @invariant()
    def nothing_is_violated(self) -> None:
        assert [*violations(self.world), *photo_invariants.violations(self.world)] == []


WalletsTest = Wallets.TestCase
MethodsTest = Methods.TestCase
PhotosTest = Photos.TestCase
pytestmark = pytest.mark.usefixtures("on_stage")
