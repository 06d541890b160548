"""What customers, Razorpay and the schedule may do with payments.

Each action takes the history and returns what to do, or None if there is nothing of its kind to do.
"""

from random import Random
from typing import Any

from local.razorpay.disputes import FINAL, LAST_PHASE
from local.razorpay.entities import new_payment
from local.razorpay.payments import capture
from tests.simulation.flows.flow import API
from tests.simulation.harness import OLD_WEBHOOK_SECRET, WEBHOOK_SECRET
from tests.simulation.history import Act, History
from tests.simulation.invariants.check import PAYMENTS
from tests.simulation.world import Reply, Request

AMOUNTS = ("1.00", "19.99", "100.00", "250.50", "500.00", "500.00", "150000.00")
OUTCOMES = ("success", "success", "success", "authorize", "fail", "late", "pending")
CLOCK_JUMPS_S = (1, 61, 61, 300, 3_600, 86_400, -3_600, -86_400)


# --- customers


def top_up(history: History) -> Act | None:
    chance = history.world.random
    request = Request(
        chance.choice(history.customers),
        "POST",
        f"{API}/wallets/add-money/",
        {"amount": chance.choice(AMOUNTS)},
        f"key-{len(history.sent)}",
    )
    history.sent.append(request)
    return lambda: history.send(request)


def gateway_payment(history: History) -> Act | None:
    chance = history.world.random
    customer = chance.choice(history.customers)
    body: dict[str, Any] = {"amount": chance.choice(AMOUNTS), "source": "gateway", "contact": customer.phone}
    if chance.random() < 0.6:
        body["save_method"] = True
    elif methods := history.methods_of(customer):
        body["payment_method"] = chance.choice(methods)
    request = Request(customer, "POST", f"{API}/payments/", body, f"key-{len(history.sent)}")
    history.sent.append(request)
    return lambda: history.send(request)


def wallet_payment(history: History) -> Act | None:
    chance = history.world.random
    body = {"amount": chance.choice(AMOUNTS), "source": "wallet", "reference": "garment-order-7"}
    customer = chance.choice(history.customers)
    request = Request(customer, "POST", f"{API}/payments/", body, f"key-{len(history.sent)}")
    history.sent.append(request)
    return lambda: history.send(request)


def repeat_request(history: History) -> Act | None:
    """Repeat a request, as an app does that never received the reply."""
    if not history.sent:
        return None
    request = history.world.random.choice(history.sent)
    return lambda: history.send(request)


def reuse_key(history: History) -> Act | None:
    """Send another amount with a key that was used before."""
    if not history.sent:
        return None
    first = history.world.random.choice(history.sent)
    if first in history.unanswered:  # until the first outcome is known, either request may be the key's first
        return None
    other = Request(first.customer, first.method, first.path, first.body | {"amount": "7.77"}, first.key)

    def act() -> Reply:
        reply = history.world.send(other)  # not `history.send`: this must not start a payment
        history.log(f"{other.key} with another amount: {reply.status}")
        return reply

    return act


def verify(history: History) -> Act | None:
    if not history.paid:
        return None
    payment, paid = history.world.random.choice(history.paid)
    request = Request(payment["customer"], "POST", f"{API}/payments/{payment['id']}/verify/", paid)
    return lambda: history.send(request)


def verify_another(history: History) -> Act | None:
    """Send the genuine checkout fields of one payment for another payment of the same customer."""
    if not history.paid:
        return None
    payment, paid = history.world.random.choice(history.paid)
    others = [
        other
        for other in history.started
        if other["customer"] is payment["customer"] and other["id"] != payment["id"]
    ]
    if not others:
        return None
    other = history.world.random.choice(others)
    request = Request(payment["customer"], "POST", f"{API}/payments/{other['id']}/verify/", paid)
    return lambda: history.send(request)


def sync(history: History) -> Act | None:
    if not history.started:
        return None
    payment = history.world.random.choice(history.started)
    request = Request(payment["customer"], "POST", f"{API}/payments/{payment['id']}/sync/")
    return lambda: history.send(request)


def read(history: History) -> Act | None:
    """A customer reads their own data, or tries another customer's."""
    chance = history.world.random
    paths = ["/wallets/", "/wallets/transactions/", "/payments/", "/payment-methods/"]
    paths += [f"/payments/{payment['id']}/" for payment in history.started[-3:]]
    request = Request(chance.choice(history.customers), "GET", API + chance.choice(paths))
    return lambda: history.send(request)


# --- Razorpay


def pay(history: History) -> Act | None:
    """A customer pays a started payment in checkout."""
    if not history.started:
        return None
    chance = history.world.random
    payment = chance.choice(history.started)
    order = history.world.razorpay.orders.get(payment["gateway_order_id"] or "")
    if not order or order["status"] == "paid":
        return None
    outcome = chance.choice(OUTCOMES)
    customer_id = (payment["checkout"] or {}).get("customer_id")
    card = _card_choice(chance, customer_id) if customer_id else {}
    paid = history.world.pay(order["id"], outcome, **card, **_amounts(chance, order["amount"]))
    history.log(f"Razorpay: {order['id']} {outcome} by {paid['razorpay_payment_id']}")
    if "razorpay_signature" in paid:
        history.paid.append((payment, paid))
    return lambda: None


def _card_choice(chance: Random, customer_id: str) -> dict[str, Any]:
    """What a customer chooses in a checkout that offers to save the card."""
    return {
        "customer_id": customer_id,
        "save": chance.random() < 0.8,
        "card": {"last4": chance.choice(("1007", "1111"))},
        "duplicate_token": chance.random() < 0.2,
        "activation": chance.choice(("at once", "at once", "later")),
    }


def _amounts(chance: Random, ordered_paise: int) -> dict[str, int]:
    """An offer of Razorpay's, a fee that the customer bears, or mostly neither."""
    amounts = {"offer_paise": ordered_paise // 10, "fee_paise": ordered_paise // 50}
    if ordered_paise < 1_000:
        return {}  # Razorpay captures no less than 1.00
    return {name: paise for name, paise in amounts.items() if chance.random() < 0.1}


def late_success(history: History) -> Act | None:
    """An attempt that failed or was pending succeeds after all."""
    razorpay = history.world.razorpay
    attempts = [attempt for attempt in razorpay.payments.values() if attempt["status"] in ("failed", "created")]
    attempts = [attempt for attempt in attempts if razorpay.orders[attempt["order_id"]]["status"] != "paid"]
    if not attempts:
        return None
    attempt = history.world.random.choice(attempts)
    razorpay.control("late", {"payment_id": attempt["id"]})
    history.log(f"Razorpay: {attempt['id']} succeeds after all")
    return lambda: None


def pay_twice(history: History) -> Act | None:
    orders = [order for order in history.world.razorpay.orders.values() if order["status"] == "paid"]
    if not orders:
        return None
    order = history.world.random.choice(orders)
    history.world.razorpay.control("double_pay", {"order_id": order["id"]})
    history.log(f"Razorpay: {order['id']} is paid a second time")
    return lambda: None


def pay_wrong_amount(history: History) -> Act | None:
    """Razorpay captures another amount, or another currency, than the order's."""
    chance, razorpay = history.world.random, history.world.razorpay
    if not history.started:
        return None
    order = razorpay.orders.get(chance.choice(history.started)["gateway_order_id"] or "")
    if not order or order["status"] == "paid":
        return None
    attempt = new_payment(razorpay, order, "upi")
    attempt |= chance.choice([{"amount": order["amount"] + 100}, {"amount": 100}, {"currency": "USD"}])
    order["attempts"] += 1
    capture(razorpay, attempt)
    order |= {"status": "attempted", "amount_paid": 0}  # the customer may still pay the right amount
    history.log(f"Razorpay: {attempt['id']} captured {attempt['amount']} {attempt['currency']} for {order['id']}")
    return lambda: None


def return_authorization(history: History) -> Act | None:
    """Razorpay refunds an attempt that was authorized and never captured; the order can still be paid."""
    razorpay = history.world.razorpay
    authorized = [attempt for attempt in razorpay.payments.values() if attempt["status"] == "authorized"]
    if not authorized:
        return None
    attempt = history.world.random.choice(authorized)
    razorpay.control("refund", {"payment_id": attempt["id"]})
    history.log(f"Razorpay: {attempt['id']} is refunded without a capture")
    return lambda: None


def dispute(history: History) -> Act | None:
    """A bank begins to dispute a captured payment, decides about a dispute, or begins its next phase."""
    razorpay, random = history.world.razorpay, history.world.random
    disputed = [row for row in razorpay.disputes.values() if row["status"] in ("open", "under_review")]
    ended = [row for row in razorpay.disputes.values() if row["status"] in FINAL and row["phase"] != LAST_PHASE]
    captured = [attempt for attempt in razorpay.payments.values() if attempt["captured"]]
    if disputed and random.random() < 0.6:
        row = random.choice(disputed)
        status = random.choice(["action_required", "under_review", "won", "lost", "lost", "closed"])
        razorpay.control("dispute", {"payment_id": row["payment_id"], "dispute_id": row["id"], "status": status})
    elif ended and random.random() < 0.5:
        row = random.choice(ended)
        razorpay.control("dispute", {"payment_id": row["payment_id"], "dispute_id": row["id"], "status": "created"})
    elif captured:
        attempt = random.choice(captured)
        sent = {
            "status": random.choice(["created", "created", "lost"]),
            "amount": random.randint(1, attempt["amount"]),
        }
        razorpay.control("dispute", {"payment_id": attempt["id"], **sent})
    else:
        return None
    return lambda: None


# --- webhooks, schedule and clock


def webhook(history: History) -> Act | None:
    """An event arrives, in any order, signed with the new secret or the old one."""
    event_ids = [event_id for event_id in history.world.undelivered if event_id not in history.lost_events]
    if not event_ids:
        return None
    return _delivery(history, history.world.random.choice(event_ids))


def webhook_again(history: History) -> Act | None:
    event_ids = [event_id for event_id in history.world.event_ids if event_id not in history.lost_events]
    if not event_ids:
        return None
    return _delivery(history, history.world.random.choice(event_ids))


def _delivery(history: History, event_id: str) -> Act:
    secret = history.world.random.choice((WEBHOOK_SECRET, WEBHOOK_SECRET, OLD_WEBHOOK_SECRET))

    def act() -> Reply:
        reply = history.world.deliver(event_id, secret)
        name = history.world.razorpay.events[event_id]["event"]
        history.log(f"webhook {name} {event_id}: {reply.status} {reply.text}")
        return reply

    return act


def lose_webhook(history: History) -> Act | None:
    """An event never arrives, a refund's neither: Razorpay's lists report what it was about.

    Of a card's token there is no list: the next payment that names the card reads it. The lists go by creation, so
    that a late authorization is reported only while the reconciler checks its payment.
    """
    orders = {row.get("gateway_order") for row in history.world.rows(PAYMENTS) if row.get("open")}
    for event_id in history.world.undelivered:
        if event_id in history.lost_events:
            continue
        body = history.world.razorpay.events[event_id]["body"]
        is_checked = any(f'"order_id":"{order}"' in body for order in orders if order)
        if is_checked or '"late_authorized":true' not in body:
            history.lost_events.add(event_id)
            history.log(f"webhook {event_id} is lost")
            return lambda: None
    return None


def reconcile(history: History) -> Act | None:
    def act() -> None:
        history.log(f"reconciler: {history.world.reconcile()}")

    return act


def move_clock(history: History) -> Act | None:
    """Time passes, or another machine with another clock takes over."""
    jump_s = history.world.random.choice(CLOCK_JUMPS_S)
    history.world.advance(jump_s)
    history.log(f"the clock moves {jump_s} s")
    return lambda: None
