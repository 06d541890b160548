"""Payments: how they start, and the one `settle` through which everything that is learnt of them passes.

The record is the guard: an entry is written in one transaction with the payment turning captured, on condition of
the state it had. Verify, webhook, sync and the reconciler may all try; one wins, the others read what it did.
"""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from shared import checkout, clock, fields, gateway, saved_cards, store, tally, wallet
from shared.errors import (
    Conflict,
    InsufficientFunds,
    Invalid,
    NotAuthenticated,
    NotFound,
    SignatureInvalid,
    Unavailable,
)
from shared.gateway import GatewayPayment, GatewayRefund
from shared.money import rupees
from shared.settings import settings, webhook_secrets
from shared.store import Change, Contended, Entry, Payment, Put, Refund

PAYMENTS = uuid.UUID("0d9f6f0a-7f1d-5b43-8f0e-2a4c5d6e7f81")
TOP_UP, PAYMENT = "top_up", "payment"
GATEWAY, WALLET = "gateway", "wallet"

# What a payment may become, by what the gateway says of it; anything else changes nothing.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "created": ("authorized", "captured", "failed", "expired"),
    "failed": ("authorized", "captured"),
    "expired": ("authorized", "captured"),
    "authorized": ("captured", "refunded"),  # refunded by itself, never captured: no entry
    "captured": ("partially_refunded", "refunded"),
    "partially_refunded": ("partially_refunded", "refunded"),
    "refunded": (),
}
CREDITED = ("captured", "partially_refunded", "refunded")
PAYABLE = ("created", "failed", "expired")  # the gateway's orders never expire

# Ages at which the reconciler asks about a payment that is not settled: minutes, then daily for five days.
CHECK_AGES_S = (60, 120, 300, 900, 3_600, *(day * 86_400 for day in range(1, 6)))
EXPIRED_AFTER_CHECKS = 5
NOT_SAVED_AFTER_CHECKS = 4  # a card's token follows its payment within the hour, or not at all
SAVE_IN_WEBHOOK_S = 2  # the gateway waits five for the answer, and the reconciler saves as well


@dataclass(frozen=True, slots=True)
class Started:
    """A payment as answered to who started it; `replayed` when the same key had started it before."""

    payment: dict[str, Any]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """What a settle did: `credited`, `flagged` and `saved` (its card) name a change made by this very call.

    `entry` is the one that it wrote, and so the wallet's newest; None where it wrote none.
    """

    payment: Payment
    credited: bool = False
    flagged: str = ""
    saved: bool = False
    entry: Entry | None = None

    def answer(self) -> dict[str, Any]:
        return _with_wallet(self.payment, self.entry)

    @property
    def is_pending(self) -> bool:
        """Whether the app should ask again."""
        return self.payment.status in ("created", "authorized")

    @property
    def counts(self) -> dict[str, int]:
        """What happened, by the name of its metric."""
        happened = {
            "PaymentCaptured": int(self.credited),
            "AmountCapturedPaise": self.payment.amount_paise if self.credited else 0,
            "PaymentFlagged": int(bool(self.flagged)),
            "MethodSaved": int(self.saved),
        }
        return {name: count for name, count in happened.items() if count}


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a webhook event: applied, unchanged (known already), ignored or unusable."""

    outcome: str
    settled: Settled | None = None


# --- what the app sends and gets

TOP_UP_FIELDS: Mapping[str, fields.Field] = {
    "amount": fields.Amount(required=True, example="500.00"),
    "description": fields.Text(length_max=255, example="Wallet top-up"),
}
PAYMENT_FIELDS: Mapping[str, fields.Field] = {
    "amount": fields.Amount(required=True, example="250.00"),
    "source": fields.Choice(options=(GATEWAY, WALLET), required=True, example=WALLET),
    "payment_method": fields.Uuid(
        null=True,
        description="A saved method, on which checkout opens. Another's, a deleted one and a card that is not "
        'active are refused: 400 with {"payment_method": [text]}.',
    ),
    "save_method": fields.Boolean(
        description="Save the card that is paid with; needs a contact. The answer's `save_method` says what becomes "
        "of it: pending until the capture, then saved or not_saved; not_available where cards cannot be saved."
    ),
    "reference": fields.Text(length_max=64, example="garment-order-1042"),
    "description": fields.Text(length_max=255, example="Dry cleaning, 3 pieces"),
    "contact": fields.Text(
        pattern=r"\+91[6-9][0-9]{9}", message="Enter a phone number like +919876543210.", card_scan=False
    ),
}
VERIFY_FIELDS: Mapping[str, fields.Field] = {
    "razorpay_payment_id": fields.Text(
        required=True, pattern=r"pay_[A-Za-z0-9]{1,40}", message="Not a payment id.", card_scan=False
    ),
    "razorpay_order_id": fields.Text(card_scan=False),
    "razorpay_signature": fields.Text(required=True, length_max=128, card_scan=False),
}

ACKNOWLEDGED: Mapping[str, Any] = {"status": "applied"}
CREATED: Mapping[str, Any] = {
    "id": "5e7a9f51-7a0e-5b43-8f0e-2a4c5d6e7f81",
    "purpose": TOP_UP,
    "source": GATEWAY,
    "status": "created",
    "amount": "500.00",
    "amount_refunded": "0.00",
    "currency": "INR",
    "payment_method": None,
    "save_method": None,
    "reference": "",
    "description": "Wallet top-up",
    "method": "",
    "gateway_order_id": "order_RB58MiP5SPFYyM",
    "gateway_payment_id": None,
    "failure": None,
    "in_review": False,
    "created_at": "2026-01-09T12:00:00.123456Z",
    "updated_at": "2026-01-09T12:00:00.123456Z",
    "checkout": {
        "key": "rzp_test_1DP5mmOlF5G5ag",
        "order_id": "order_RB58MiP5SPFYyM",
        "amount": 50_000,
        "currency": "INR",
        "name": "Garment Care",
        "description": "Wallet top-up",
        "prefill": {},
        "notes": {"payment_id": "5e7a9f51-7a0e-5b43-8f0e-2a4c5d6e7f81"},
        "timeout": 900,
        "retry": {"enabled": True, "max_count": 4},
        "send_sms_hash": True,
        "config": {"display": {"hide": [{"method": "upi", "flows": ["collect"]}]}},
    },
}
CAPTURED: Mapping[str, Any] = {
    **CREATED,
    "status": "captured",
    "payment_method": "2f0c6f0e-6d1b-4c55-9a3a-8e2f1b7c9d10",
    "method": "upi",
    "gateway_payment_id": "pay_RB58N2J7BIzWpP",
    "checkout": None,
}
FAILED: Mapping[str, Any] = {
    **CREATED,
    "source": WALLET,
    "status": "failed",
    "gateway_order_id": None,
    "failure": {"code": "insufficient_funds", "text": InsufficientFunds.text},
}
SAVING: Mapping[str, Any] = {
    **CREATED,
    "purpose": PAYMENT,
    "save_method": {"status": saved_cards.PENDING, "payment_method": None},
    "checkout": {
        **CREATED["checkout"],
        "prefill": {"contact": "+919876543210"},
        "customer_id": "cust_1Aa00000000004",
        "remember_customer": True,
    },
}
SAVED: Mapping[str, Any] = {
    **CAPTURED,
    "purpose": PAYMENT,
    "payment_method": None,
    "save_method": {"status": saved_cards.SAVED, "payment_method": "8c1f5a52-8a36-5b53-9e0f-0f3b7c6d2a11"},
    "method": "card",
}
NOT_AVAILABLE: Mapping[str, Any] = {
    **CREATED,
    "purpose": PAYMENT,
    "save_method": {"status": saved_cards.NOT_AVAILABLE, "payment_method": None},
}
ON_A_SAVED_CARD: Mapping[str, Any] = {
    **SAVING,
    "payment_method": "8c1f5a52-8a36-5b53-9e0f-0f3b7c6d2a11",
    "save_method": None,
    "checkout": {
        **SAVING["checkout"],
        "prefill": {"method": "card"},
        "config": {
            "display": {
                "hide": [checkout.UPI_COLLECT],
                "blocks": {"saved": {"name": "Saved", "instruments": [{"method": "card"}]}},
                "sequence": ["block.saved"],
                "preferences": {"show_default_blocks": True},
            }
        },
        "token": "token_HouA2OQR5Z2jTL",
    },
}
ANSWER = (CREATED, CAPTURED, FAILED, SAVING, SAVED, NOT_AVAILABLE, ON_A_SAVED_CARD)
SPENT: Mapping[str, Any] = {
    **FAILED,
    "purpose": PAYMENT,
    "status": "captured",
    "failure": None,
    "checkout": None,
}
# What a POST answers: also the wallet as it is by then, or null where the payment has not moved it.
MOVED = tuple({**one, "wallet": wallet.WALLET if one in (CAPTURED, SPENT) else None} for one in (*ANSWER, SPENT))


# --- starting


def add_balance(customer: str, wallet_id: str | None, wanted: Mapping[str, Any], key: str | None) -> Started:
    """Start a top-up of the caller's wallet through the gateway."""
    wallet.check_owner(customer, wallet_id)
    request = {"amount": rupees(wanted["amount"]), "description": wanted["description"]}

    def prepared() -> dict[str, Any]:
        balance_paise = wallet.newest(customer).balance_paise + wanted["amount"]
        if balance_paise > settings().wallet_balance_paise_max:
            most = rupees(settings().wallet_balance_paise_max)
            raise Conflict(f"The wallet may not hold more than {most}.", code="wallet_limit")
        return {}

    return _through_gateway("add_balance", customer, TOP_UP, wanted, request, key, prepared)


def create(customer: str, wanted: Mapping[str, Any], key: str | None) -> Started:
    """Start a payment through the gateway, or make it at once from the wallet."""
    request = {name: wanted[name] for name in ("source", "payment_method", "reference", "description", "contact")} | {
        "amount": rupees(wanted["amount"])
    }
    if wanted.get("save_method"):
        request["save_method"] = True
        _check_saving(wanted)
    if wanted["source"] == WALLET:
        return _from_wallet(customer, wanted, request, key)

    def prepared() -> dict[str, Any]:
        opening = _opening_on(customer, wanted["payment_method"])
        return opening | (_saving(customer, wanted["contact"]) if wanted.get("save_method") else {})

    return _through_gateway("payments", customer, PAYMENT, wanted, request, key, prepared)


def _check_saving(wanted: Mapping[str, Any]) -> None:
    if wanted["source"] == WALLET:
        raise Invalid({"save_method": ["Only a payment through the gateway has a method to save."]})
    if not wanted["contact"]:
        raise Invalid({"contact": ["This field is required to save the payment method."]})


def _opening_on(customer: str, method_id: str | None) -> dict[str, Any]:
    """What a payment keeps of the saved method that it names, so that its checkout opens on it."""
    if not method_id:
        return {}
    method = store.get_method(customer, method_id)
    if not method:
        raise Invalid({"payment_method": [f'Invalid pk "{method_id}" - object does not exist.']})
    if method.status not in (None, saved_cards.ACTIVE):
        raise Invalid({"payment_method": [f"This card cannot be used, it is {method.status}."]})
    return {"opens_on": checkout.opening_on(method), "gateway_customer": method.gateway_customer}


def _saving(customer: str, contact: str) -> dict[str, Any]:
    """What a payment keeps so that checkout offers to remember the card; saving never stands in its way."""
    found = saved_cards.gateway_customer(customer, contact)
    if found is None:
        return {"save_method": saved_cards.NOT_AVAILABLE}
    return {"save_method": saved_cards.PENDING, "gateway_customer": found}


def payment_id_for(operation: str, customer: str, key: str | None) -> str:
    """The same key of the same customer names the same payment, for ever."""
    return str(uuid.uuid5(PAYMENTS, json.dumps([operation, customer, key]))) if key else clock.new_id()


def _through_gateway(
    operation: str,
    customer: str,
    purpose: str,
    wanted: Mapping[str, Any],
    request: Mapping[str, Any],
    key: str | None,
    prepare: Callable[[], dict[str, Any]],
) -> Started:
    payment_id = payment_id_for(operation, customer, key)
    if key and (before := store.payment(customer, payment_id)):
        return _replay(before, request)
    more = prepare()
    # The gateway order first: the app can only pay one that it was told of, so a crash between the two leaves an
    # unpaid order that nobody knows.
    notes = {"payment_id": payment_id, "customer": customer, "purpose": purpose}
    with _asking("The payment gateway does not take this payment."):
        gateway_order = gateway.create_order(wanted["amount"], payment_id, notes)
    new = _new(payment_id, customer, purpose, GATEWAY, "created", wanted, request, **more)
    new.gateway_order = gateway_order
    new.open, new.next_check_at_us = store.OPEN, new.created_at_us + CHECK_AGES_S[0] * 1_000_000
    if store.write(Put(new)):
        return Started(_with_wallet(new), replayed=False)
    return _replay(_known(customer, payment_id), request)


def _from_wallet(customer: str, wanted: Mapping[str, Any], request: Mapping[str, Any], key: str | None) -> Started:
    if not key:
        raise Invalid({"Idempotency-Key": ["This header is required for a payment from the wallet."]})
    payment_id = payment_id_for("payments", customer, key)
    for _ in store.retries():
        if before := store.payment(customer, payment_id):
            return _replay(before, request)
        _opening_on(customer, wanted["payment_method"])
        head = wallet.newest(customer)
        new = _new(payment_id, customer, PAYMENT, WALLET, "captured", wanted, request)
        if head.balance_paise < wanted["amount"]:
            new.status, new.failure_code, new.failure_text = (
                "failed",
                InsufficientFunds.code,
                InsufficientFunds.text,
            )
            if store.write(Put(new)):
                raise InsufficientFunds
            continue
        entry = wallet.following(
            head,
            wallet.DEBIT,
            PAYMENT,
            wanted["amount"],
            payment=payment_id,
            reference=wanted["reference"],
            description=wanted["description"],
        )
        try:
            if not store.append(entry, Put(new)):
                return Started(_with_wallet(new, entry), replayed=False)
        except Contended:
            continue
    raise Unavailable


def _new(
    payment_id: str,
    customer: str,
    purpose: str,
    source: str,
    status: str,
    wanted: Mapping[str, Any],
    request: Mapping[str, Any],
    **more: Any,
) -> Payment:
    at_us = clock.now_us()
    return Payment(
        customer,
        payment_id,
        purpose=purpose,
        source=source,
        status=status,
        amount_paise=wanted["amount"],
        payment_method=wanted.get("payment_method"),
        contact=wanted.get("contact", ""),
        reference=wanted.get("reference", ""),
        description=wanted["description"],
        request=json.dumps(request, sort_keys=True),
        timeline=[_event(at_us, source, status, "")],
        created_at_us=at_us,
        updated_at_us=at_us,
        **more,
    )


def _replay(before: Payment, request: Mapping[str, Any]) -> Started:
    first = json.loads(before.request)
    differing = sorted(name for name in first.keys() | request.keys() if first.get(name) != request.get(name))
    if differing:
        raise Conflict(
            f"This Idempotency-Key was used with another {', '.join(differing)}.",
            code="idempotency_key_reused",
        )
    if before.source == WALLET and before.status == "failed":
        raise InsufficientFunds  # final for this key: a new attempt needs a new one
    return Started(_with_wallet(before), replayed=True)


# --- reading


def retrieve(customer: str, payment_id: str) -> dict[str, Any]:
    return shown(_known(customer, payment_id))


def listed(customer: str) -> tuple[int, Callable[[int, int], list[dict[str, Any]]]]:
    """How many payments the customer has, and how to get a slice of them, newest first."""
    ids = store.payment_ids(customer)

    def rows(offset: int, limit: int) -> list[dict[str, Any]]:
        return [shown(one) for one in store.payments(customer, ids[offset : offset + limit])]

    return len(ids), rows


def shown(payment: Payment) -> dict[str, Any]:
    """The payment as the app sees it; `checkout` opens the gateway's checkout while there is something to pay."""
    failed = payment.status == "failed"
    return {
        "id": payment.id,
        "purpose": payment.purpose,
        "source": payment.source,
        "status": payment.status,
        "amount": rupees(payment.amount_paise),
        "amount_refunded": rupees(payment.refunded_paise),
        "currency": "INR",
        "payment_method": payment.payment_method,
        "save_method": _save_method(payment),
        "reference": payment.reference,
        "description": payment.description,
        "method": payment.gateway_method,
        "gateway_order_id": payment.gateway_order,
        "gateway_payment_id": payment.gateway_payment,
        "failure": {"code": payment.failure_code, "text": payment.failure_text} if failed else None,
        "in_review": payment.in_review is not None,
        "created_at": clock.iso(payment.created_at_us),
        "updated_at": clock.iso(payment.updated_at_us),
        "checkout": checkout.options(payment) if payment.gateway_order and payment.status in PAYABLE else None,
    }


def _with_wallet(payment: Payment, newest: Entry | None = None) -> dict[str, Any]:
    """The payment, and the wallet that it has moved: by its newest entry, which is read where nobody has it."""
    moved = payment.gateway_payment is not None if payment.purpose == TOP_UP else payment.source == WALLET
    moved = moved and payment.status in CREDITED
    return shown(payment) | {"wallet": wallet.shown(newest or wallet.newest(payment.customer)) if moved else None}


def _save_method(payment: Payment) -> dict[str, Any] | None:
    return {"status": payment.save_method, "payment_method": payment.saved_method} if payment.save_method else None


def _known(customer: str, payment_id: str) -> Payment:
    payment = store.payment(customer, payment_id)
    if not payment:
        raise NotFound("Payment")
    return payment


# --- settling


def settle(payment: Payment, told: GatewayPayment, source: str, deadline_us: int, event: str = "") -> Settled:
    """Apply what the gateway says of a payment, once; who comes second reads what the first one did.

    If `payment` is out of date by now the condition blocks, and the record is read again.
    """
    for _ in store.retries(deadline_us):
        settled = _step(payment, told, source, event)
        if settled:
            return settled
        payment = _known(payment.customer, payment.id)
    raise Unavailable


def _step(payment: Payment, told: GatewayPayment, source: str, event: str) -> Settled | None:
    """One try at the transition; None when something stood in the way and the payment must be read again."""
    if _misfit(payment, told):  # of the payment as it stands: what is told may be younger than the one in hand
        payment = _known(payment.customer, payment.id)
    if reason := _misfit(payment, told):
        return _flag(payment, told.id, reason)
    if told.status == "captured" and "captured" in TRANSITIONS[payment.status]:
        return _capture(payment, told, source, event)
    becomes = {"authorized": "authorized", "failed": "failed", "refunded": "refunded"}.get(told.status)
    if becomes not in TRANSITIONS[payment.status] or payment.status in CREDITED:
        return Settled(payment)  # nothing new, or older than what is known
    values = _turned(payment, becomes, told, source, event)
    if becomes == "failed":
        values |= {"failure_code": told.failure or "payment_failed", "failure_text": FAILURE_TEXT}
    if not store.write(Change(payment, values, status_in=(payment.status,))):
        return None
    if becomes == "failed":
        tally.count("PaymentFailed")
    return Settled(payment)


FAILURE_TEXT = "The payment did not go through. If money left the account, it will come back."


def _misfit(payment: Payment, told: GatewayPayment) -> str:
    """Why what the gateway tells cannot be applied to this payment, or nothing."""
    if told.status in ("created", "failed"):
        return ""  # no money moved
    if told.order != payment.gateway_order:
        return "order_mismatch"
    if told.amount_paise != payment.amount_paise:
        return "amount_mismatch"
    if told.currency != "INR":
        return "currency_mismatch"
    if payment.status in CREDITED and payment.gateway_payment != told.id and told.status == "captured":
        return "second_capture"
    if told.status == "refunded" and told.was_captured and payment.status not in CREDITED:
        return "refunded_before_credit"
    return ""


def _capture(payment: Payment, told: GatewayPayment, source: str, event: str) -> Settled | None:
    values = _turned(payment, "captured", told, source, event) | {"gateway_payment": told.id}
    before = tuple(status for status, after in TRANSITIONS.items() if "captured" in after)
    if payment.purpose != TOP_UP:
        captured = store.write(Change(payment, values, status_in=before))
        return Settled(payment, credited=True) if captured else None
    head = wallet.newest(payment.customer)
    over_cap = head.balance_paise + told.amount_paise > settings().wallet_balance_paise_max
    if over_cap:  # the money has arrived: credited all the same, and looked at
        values |= {
            "in_review": store.OPEN,
            f"review.{told.id}:wallet_limit_passed": clock.iso(clock.now_us()),
        }
    entry = wallet.following(
        head,
        wallet.CREDIT,
        "top_up",
        told.amount_paise,
        payment=payment.id,
        reference=told.id,
        description=payment.description,
    )
    try:
        blocked = store.append(entry, Change(payment, values, status_in=before))
    except Contended:
        return None
    if blocked:
        return None
    return Settled(payment, credited=True, flagged="wallet_limit_passed" if over_cap else "", entry=entry)


def _turned(payment: Payment, status: str, told: GatewayPayment, source: str, event: str) -> dict[str, Any]:
    at_us = clock.now_us()
    final = status in CREDITED
    closed: dict[str, Any] = {"open": None, "next_check_at_us": None, "failure_code": "", "failure_text": ""}
    if payment.save_method == saved_cards.PENDING and status == "captured":  # open until its card is saved as well
        closed |= {"open": store.OPEN, "next_check_at_us": at_us + 1_000_000 * CHECK_AGES_S[0], "checks": 0}
    elif payment.save_method == saved_cards.PENDING:  # given back, never captured
        closed["save_method"] = saved_cards.NOT_SAVED
    return {
        "status": status,
        "gateway_method": told.method,
        "timeline": [_event(at_us, source, status, event)],
        "updated_at_us": at_us,
    } | (closed if final else {})


def _flag(payment: Payment, gateway_id: str, reason: str) -> Settled | None:
    """Put the payment under review, once for each (gateway id, reason); its status stays."""
    at_us = clock.now_us()
    name = f"review.{gateway_id}:{reason}"
    values = {
        name: clock.iso(at_us),
        "in_review": store.OPEN,
        "timeline": [_event(at_us, "review", reason, gateway_id)],
        "updated_at_us": at_us,
    }
    if store.write(Change(payment, values, absent_path=name)):
        return Settled(payment, flagged=reason)
    return Settled(payment)


def _event(at_us: int, source: str, what: str, event: str) -> str:
    return f"{clock.iso(at_us)} {source} {what} {event}".strip()


# --- saving the card that was paid with


def _with_card(settled: Settled, told: GatewayPayment | None, deadline_us: int) -> Settled:
    """Save the card of a captured payment that asked for it, after the money is settled and never in its way.

    What the gateway or a table cannot do now is left to the reconciler. `told` is fetched when nobody has it.
    """
    payment = settled.payment
    if payment.save_method != saved_cards.PENDING or payment.status not in CREDITED:
        return settled
    try:
        if told is None or told.id != payment.gateway_payment:
            told = gateway.payment(str(payment.gateway_payment))
        kept = saved_cards.save(payment.customer, str(payment.gateway_customer), told, deadline_us)
        if kept.is_anothers and (flagged := _flag(payment, told.id, "token_of_another_customer")):
            settled = replace(settled, flagged=settled.flagged or flagged.flagged)
        if kept.status == saved_cards.PENDING and payment.checks < NOT_SAVED_AFTER_CHECKS:
            return settled
        decided = _save_decided(payment, kept)
        payment = payment if decided else _known(payment.customer, payment.id)  # another call was first
    except saved_cards.GATEWAY_TROUBLE:
        tally.count("MethodSaveDeferred")
        return settled
    return replace(settled, payment=payment, saved=decided and kept.method is not None)


def _save_decided(payment: Payment, kept: saved_cards.Kept) -> bool:
    """Write down what became of the card, once."""
    values = {
        "save_method": saved_cards.SAVED if kept.method else saved_cards.NOT_SAVED,
        "saved_method": kept.method,
        "open": None,
        "next_check_at_us": None,
        "updated_at_us": clock.now_us(),
    }
    return store.write(Change(payment, values, unchanged={"save_method": saved_cards.PENDING}))


# --- asking the gateway


def verify(customer: str, payment_id: str, shown_by_app: Mapping[str, str], deadline_us: int) -> Settled:
    """Check the signature over the stored order, ask the gateway, capture what is only authorised, settle."""
    payment = _known(customer, payment_id)
    gateway_payment, signature = shown_by_app["razorpay_payment_id"], shown_by_app["razorpay_signature"]
    if not payment.gateway_order or not gateway.checkout_signature_matches(
        payment.gateway_order, gateway_payment, signature
    ):
        raise SignatureInvalid
    if payment.status in CREDITED and payment.gateway_payment == gateway_payment:
        return _with_card(Settled(payment), None, deadline_us)
    with _asking(NOT_TOLD):
        told = _captured(payment, gateway.payment(gateway_payment))
    return _with_card(settle(payment, told, "verify", deadline_us), told, deadline_us)


def sync(customer: str, payment_id: str, deadline_us: int) -> Settled:
    """Ask the gateway about the payment's order and settle what it says: verify without a signature."""
    payment = _known(customer, payment_id)
    if not payment.gateway_order or payment.status in CREDITED:
        return _with_card(Settled(payment), None, deadline_us)
    with _asking(NOT_TOLD):
        return _ask(payment, "sync", deadline_us)


NOT_TOLD = "The payment gateway does not tell what became of this payment."


@contextmanager
def _asking(refusal: str) -> Iterator[None]:
    """Around what the gateway is asked for the app: its no, or an answer that is none, as the app is told of it."""
    try:
        yield
    except gateway.Refused:
        # Not 503: the gateway has decided, and would say the same again. Not 400: nothing that was sent is at fault.
        # The payment stays as it is, and its webhook or the reconciler may settle it yet.
        raise Conflict(refusal, code="gateway_refused") from None
    except gateway.Unusable:
        raise Unavailable from None


def _ask(payment: Payment, source: str, deadline_us: int) -> Settled:
    """Captured attempts first, all of them: a second one must be seen; else the furthest of the others that fits."""
    furthest = ("captured", "authorized", "refunded", "failed")
    attempts = [one for one in gateway.payments_of_order(str(payment.gateway_order)) if one.status in furthest]
    attempts.sort(key=lambda one: furthest.index(one.status))
    settled, found = Settled(payment), False
    for told in attempts:
        if found and told.status != "captured":
            break
        found = found or not _misfit(settled.payment, told)
        told = _captured(settled.payment, told)
        one = _with_card(settle(settled.payment, told, source, deadline_us), told, deadline_us)
        settled = Settled(
            one.payment,
            settled.credited or one.credited,
            settled.flagged or one.flagged,
            settled.saved or one.saved,
            one.entry or settled.entry,
        )
    return settled


def _captured(payment: Payment, told: GatewayPayment) -> GatewayPayment:
    """Take authorised money that this payment waits for; what it does not want goes back to who paid by itself."""
    wanted = told.status == "authorized" and payment.status not in CREDITED and not _misfit(payment, told)
    return gateway.capture(told) if wanted else told


def receive(body: bytes, signature: str, event_id: str, deadline_us: int) -> Received:
    """Check the signature over the raw bytes, then apply the event; whatever is not ours is acknowledged."""
    if not gateway.webhook_signature_matches(webhook_secrets(), body, signature):
        tally.count("WebhookRefused")
        raise NotAuthenticated
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return Received("unusable")  # signed, so counted and looked at; sending it again would not help
    try:
        if (card_event := saved_cards.event_in(event)) is not None:
            return Received(saved_cards.receive(card_event, deadline_us))
        settled = _apply(event, event_id[:40], deadline_us) if isinstance(event, dict) else None
    except gateway.Unusable:
        return Received("unusable")
    if settled is None:
        return Received("ignored")
    return Received("applied" if settled.counts else "unchanged", settled)


def _apply(event: Mapping[str, Any], event_id: str, deadline_us: int) -> Settled | None:
    """Apply a signed webhook event; None when it is of no concern to any payment.

    Raises gateway.Unusable for an event that touches a payment but is not shaped like one.
    """
    name, payload = event.get("event"), event.get("payload")
    if not isinstance(name, str) or not isinstance(payload, dict) or not name.startswith(EVENTS):
        return None
    told = gateway.payment_from(_entity(payload, "payment"))
    payment = _payment_of(told, deadline_us)
    if payment is None:
        return None
    if name.startswith("refund."):
        return settle_refund(payment, told, gateway.refund_from(_entity(payload, "refund")), event_id, deadline_us)
    if name.startswith("payment.dispute."):
        return _dispute(payment, told, name)
    settled = settle(payment, told, name, deadline_us, event_id)
    return _with_card(settled, told, min(deadline_us, clock.now_us() + 1_000_000 * SAVE_IN_WEBHOOK_S))


EVENTS = (
    "payment.authorized",
    "payment.captured",
    "payment.failed",
    "payment.dispute.",
    "order.paid",
    "refund.",
)


def _entity(payload: Mapping[str, Any], name: str) -> Any:
    wrapped = payload.get(name)
    return wrapped.get("entity") if isinstance(wrapped, dict) else None


def _payment_of(told: GatewayPayment, deadline_us: int) -> Payment | None:
    """The payment whose gateway order this is; asked of the gateway when the index does not know it (yet)."""
    if not gateway.is_id(told.order, "order"):
        return None
    if known := store.payment_of_gateway_order(told.order):
        return known
    try:
        order = gateway.order(told.order, timeout_s=gateway.WEBHOOK_TIMEOUT_S)
    except gateway.Refused:
        return None
    notes = order.get("notes")
    notes = notes if isinstance(notes, dict) else {}
    customer, payment_id = notes.get("customer"), notes.get("payment_id")
    if not isinstance(customer, str) or not isinstance(payment_id, str) or order.get("receipt") != payment_id:
        return None  # another system's order on the same account
    known = store.payment(customer, payment_id)
    if known and known.gateway_order == told.order:
        return known
    return _lost(customer, payment_id, told) if told.status == "captured" else None


def _lost(customer: str, payment_id: str, told: GatewayPayment) -> Payment:
    """Money on an order of ours that no payment tells of: a record for review, under the order's id."""
    at_us = clock.now_us()
    lost = Payment(
        customer,
        told.order,
        purpose="unknown",
        source=GATEWAY,
        status="created",
        amount_paise=told.amount_paise,
        reference=payment_id,
        review={f"{told.id}:payment_unknown": clock.iso(at_us)},
        in_review=store.OPEN,
        created_at_us=at_us,
        updated_at_us=at_us,
    )
    store.write(Put(lost))
    return lost


# --- refunds and disputes


def settle_refund(
    payment: Payment, told: GatewayPayment, refund: GatewayRefund, event_id: str, deadline_us: int
) -> Settled:
    """Take back what was credited when the gateway has refunded it; a refund of anything else moves nothing."""
    if refund.payment != told.id:
        raise gateway.Unusable("a refund of another payment than the one beside it")
    for _ in store.retries(deadline_us):
        payment = _known(payment.customer, payment.id)
        if payment.status not in CREDITED:
            if told.status not in ("captured", "refunded") or not told.was_captured:
                return settle(payment, told, "refund", deadline_us, event_id)  # given back, never ours
            # The refund overtook the capture: credit first, so that the order of events does not matter.
            captured = GatewayPayment(
                told.id, told.order, told.amount_paise, told.currency, "captured", True, told.method, ""
            )
            settled = settle(payment, captured, "refund", deadline_us, event_id)
            if settled.payment.status not in CREDITED:
                return settled
            continue
        if payment.gateway_payment != refund.payment or refund.currency != "INR":
            return Settled(payment)
        if refund.status == "failed" and store.refund(payment.id, refund.id):
            return _flag(payment, refund.id, "refund_failed_after_processed") or Settled(payment)
        if refund.status != "processed" or store.refund(payment.id, refund.id):
            return Settled(payment)
        settled_now = _refund(payment, refund, event_id)
        if settled_now:
            return settled_now
    raise Unavailable


def _refund(payment: Payment, refund: GatewayRefund, event_id: str) -> Settled | None:
    refunded_paise = payment.refunded_paise + refund.amount_paise
    if refund.amount_paise <= 0 or refunded_paise > payment.amount_paise:
        return _flag(payment, refund.id, "refund_exceeds_payment")
    at_us = clock.now_us()
    status = "refunded" if refunded_paise == payment.amount_paise else "partially_refunded"
    guard = Put(
        Refund(payment.id, refund.id, status="processed", amount_paise=refund.amount_paise, created_at_us=at_us)
    )
    change = Change(
        payment,
        {
            "status": status,
            "refunded_paise": refunded_paise,
            "timeline": [_event(at_us, "refund", status, event_id)],
            "updated_at_us": at_us,
        },
        status_in=tuple(before for before, after in TRANSITIONS.items() if status in after and before in CREDITED),
        unchanged={"refunded_paise": payment.refunded_paise},
    )
    try:
        if payment.purpose != TOP_UP:
            return Settled(payment) if not store.transact(guard, change) else None
        head = wallet.newest(payment.customer)
        if head.balance_paise < refund.amount_paise:
            return _flag(payment, refund.id, "refund_exceeds_balance")  # spent already: never below zero
        entry = _refund_entry(head, payment, refund)
        return Settled(payment) if not store.append(entry, guard, change) else None
    except Contended:
        return None


def _refund_entry(head: Entry, payment: Payment, refund: GatewayRefund) -> Entry:
    return wallet.following(
        head,
        wallet.DEBIT,
        "refund",
        refund.amount_paise,
        payment=payment.id,
        reference=refund.id,
        description=payment.description,
    )


def _dispute(payment: Payment, told: GatewayPayment, name: str) -> Settled | None:
    """A person decides about disputed money; a dispute of a payment that was never credited moves nothing."""
    payment = _known(payment.customer, payment.id)
    if payment.gateway_payment != told.id:
        return Settled(payment)
    return _flag(payment, told.id, name.removeprefix("payment.").replace(".", "_"))


# --- the reconciler


def reconcile(deadline_us: int, limit: int = 200) -> dict[str, int]:
    """Ask the gateway about every open payment whose time has come, then about saved cards.

    One that fails does not hold up the others. Answers what happened to payments, by the name of its metric.
    """
    counts = Counter({"ReconcileAsked": 0, "ReconcileCredited": 0, "ReconcileFlagged": 0, "ReconcileFailed": 0})
    counts.update({"ReconcileLagSeconds": 0, "PaymentsInReview": store.payments_in_review()})
    for customer, payment_id in store.payments_to_check(clock.now_us(), limit):
        if clock.now_us() >= deadline_us:
            break
        counts["ReconcileAsked"] += 1
        try:
            payment = _known(customer, payment_id)
            late_us = clock.now_us() - (payment.next_check_at_us or clock.now_us())
            counts["ReconcileLagSeconds"] = max(counts["ReconcileLagSeconds"], late_us // 1_000_000)
            settled = _check(payment, deadline_us)
        except (Unavailable, gateway.Refused, gateway.Unusable, NotFound):
            counts["ReconcileFailed"] += 1
            continue
        counts.update(settled.counts)
        counts["ReconcileCredited"] += settled.credited
        counts["ReconcileFlagged"] += bool(settled.flagged)
    saved_cards.reconcile(deadline_us, limit)
    return dict(counts)


def _check(payment: Payment, deadline_us: int) -> Settled:
    try:
        if payment.status in CREDITED:
            settled = _with_card(Settled(payment), None, deadline_us)
        else:
            settled = _ask(payment, "reconcile", deadline_us)
    except (gateway.Refused, gateway.Unusable):
        # The gateway has answered, if badly: it is asked again when it is due, and at last a person is.
        if payment.checks + 1 >= len(CHECK_AGES_S):
            _flag(payment, str(payment.gateway_order), "gateway_does_not_tell")
        _schedule(payment)
        raise
    _schedule(settled.payment)
    return settled


def _schedule(payment: Payment) -> None:
    """The next time to ask, by the payment's age, or never again."""
    if payment.open is None:
        return
    checks = payment.checks + 1
    values: dict[str, Any] = {"checks": checks}
    is_saving = payment.status in CREDITED and payment.save_method == saved_cards.PENDING
    if is_saving and checks < len(CHECK_AGES_S):
        values["next_check_at_us"] = clock.now_us() + 1_000_000 * CHECK_AGES_S[checks]
    elif is_saving:
        values |= {"open": None, "next_check_at_us": None, "save_method": saved_cards.NOT_SAVED}
    elif payment.status in CREDITED or checks >= len(CHECK_AGES_S):
        values |= {"open": None, "next_check_at_us": None}
    else:
        due_us = payment.created_at_us + CHECK_AGES_S[checks] * 1_000_000
        values["next_check_at_us"] = max(due_us, clock.now_us() + 60_000_000)
    if payment.status == "created" and checks >= EXPIRED_AFTER_CHECKS:
        values |= {"status": "expired", "updated_at_us": clock.now_us()}
    # Blocked when another reconciler or a settle came between: they have scheduled it.
    store.write(Change(payment, values, status_in=(payment.status,), unchanged={"checks": payment.checks}))
