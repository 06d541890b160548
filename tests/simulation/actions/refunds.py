"""What staff, customers, Razorpay and the bank may do about refunds."""

from typing import Any

from tests.simulation.flows.flow import API
from tests.simulation.flows.refunds import STAFF, event_without_notes
from tests.simulation.history import Act, History
from tests.simulation.invariants.check import PAYMENTS, refund_rows
from tests.simulation.world import Request

AMOUNTS = (None, None, "1.00", "19.99", "100.00", "500.00")  # None: all that is left
NEXT_STATUS = {"pending": ("processed", "processed", "failed"), "processed": ("failed",)}


def ask_for_refund(history: History) -> Act | None:
    """Staff ask for a refund of a payment, paid or not."""
    return _ask(history, history.world.staff("support"), STAFF)


def ask_as_customer(history: History) -> Act | None:
    """A customer asks, as policy allows for their own top-ups."""
    chance = history.world.random
    return _ask(history, chance.choice(history.customers), API)


def _ask(history: History, caller: Any, api: str) -> Act | None:
    chance = history.world.random
    payments = [row for row in history.world.rows(PAYMENTS) if row["purpose"] != "unknown"]
    paid = [row for row in payments if row["refundable_paise"]]
    choices = paid if chance.random() < 0.9 else payments
    if not choices:
        return None
    payment = chance.choice(choices)
    body: dict[str, Any] = {"reason": "A stain"}
    if amount := chance.choice(AMOUNTS):
        body["amount"] = amount
    if chance.random() < (0.5 if payment["purpose"] == "payment" else 0.1):
        body["destination"] = "wallet"
    request = Request(caller, "POST", f"{api}/payments/{payment['id']}/refunds/", body, f"key-{len(history.sent)}")
    history.sent.append(request)
    return lambda: history.send(request)


def dry_run(history: History) -> Act | None:
    """Ask what a request would do."""
    if not history.sent:
        return None
    first = history.world.random.choice(history.sent)
    request = Request(first.customer, first.method, f"{first.path}?dry_run=true", first.body, f"{first.key}-dry")
    return lambda: history.send(request)


def read_refunds(history: History) -> Act | None:
    """A customer reads the refunds of a payment, their own or another's."""
    chance = history.world.random
    refunds = refund_rows(history.world)
    if not refunds:
        return None
    refund = chance.choice(refunds)
    path = f"{API}/payments/{refund['payment']}/refunds/" + chance.choice(("", f"{refund['id']}/"))
    request = Request(chance.choice(history.customers), "GET", path)
    return lambda: history.send(request)


# --- Razorpay


def refund_elsewhere(history: History) -> Act | None:
    """A refund is made in Razorpay's dashboard, perhaps of more than is left."""
    razorpay, chance = history.world.razorpay, history.world.random
    attempts = [
        attempt
        for attempt in razorpay.payments.values()
        if attempt["captured"] and attempt["amount_refunded"] < attempt["amount"]
    ]
    if not attempts:
        return None
    attempt = chance.choice(attempts)
    left = attempt["amount"] - attempt["amount_refunded"]
    amount = chance.choice(
        [left, max(left // 3, 1), max(left // 2, 1), left + 100 if chance.random() < 0.2 else left]
    )
    status = chance.choice(["processed", "processed", "processed", "failed", "pending"])
    razorpay.control("refund", {"payment_id": attempt["id"], "amount": amount, "status": status})
    history.log(f"Razorpay: refund of {amount} for {attempt['id']}, {status}")
    return lambda: None


def end_refund(history: History) -> Act | None:
    """A pending refund becomes processed, or failed; or the bank returns a processed one."""
    razorpay, chance = history.world.razorpay, history.world.random
    refunds = [refund for refund in razorpay.refunds.values() if refund["status"] in NEXT_STATUS]
    pending = [refund for refund in refunds if refund["status"] == "pending"]
    refunds = pending if chance.random() < 0.8 else refunds
    if not refunds:
        return None
    refund = chance.choice(refunds)
    status = chance.choice(NEXT_STATUS[refund["status"]])
    razorpay.control("refund_status", {"refund_id": refund["id"], "status": status})
    history.log(f"Razorpay: {refund['id']} is {status}")
    return lambda: None


def answer_refunds_otherwise(history: History) -> Act | None:
    """From now on Razorpay answers refunds with another status, or is too poor to make them."""
    razorpay, chance = history.world.razorpay, history.world.random
    status, balance = (
        chance.choice(("processed", "pending", "pending", "failed")),
        chance.choice((None, None, None, 0)),
    )
    razorpay.control("refund_status", {"status": status})
    razorpay.control("balance", {"paise": balance})
    history.log(f"Razorpay: refunds are {status}, the account has {balance}")
    return lambda: None


def report_without_notes(history: History) -> Act | None:
    """Razorpay sends an event of a refund without what we sent of our own."""
    every = ("refund.created", "refund.processed", "refund.failed")
    names = [name for name in every if history.world.events_of(name)]
    if not names:
        return None
    name = history.world.random.choice(names)
    event_id = event_without_notes(history.world, name)
    history.log(f"Razorpay: {name} {event_id} without notes")
    return lambda: None


def unusable_event(history: History) -> Act | None:
    """Razorpay signs an event that nobody can use."""
    payload: Any = history.world.random.choice(({}, {"payment": {"entity": {"id": "pay_1"}}}, [], None))
    body = {"entity": "event", "event": "payment.captured", "payload": payload}
    event_id = history.world.razorpay.control("event", {"body": body})["event_id"]
    history.log(f"Razorpay: {event_id} is unusable")
    return lambda: None
