"""Razorpay's JSON as our own types: the only place where its words become ours."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

ID = re.compile(r"(order|pay|rfnd|disp|cust|token)_[A-Za-z0-9]{1,40}", re.ASCII)


class UnexpectedPayload(Exception):
    """Something that should be a payment, refund, order or token does not have its shape."""


class GatewayPayment(NamedTuple):
    """A payment at Razorpay: one attempt to pay an order, whichever way it reached us."""

    id: str
    order: str
    amount_paise: int
    currency: str
    status: str  # created, authorized, captured, refunded, failed
    was_captured: bool  # reliable only for the statuses captured and refunded
    method: str
    failure: str  # Razorpay's reason, or ""
    customer: str = ""  # Razorpay's customer, if checkout was opened for one
    contact: str = ""  # the phone number that was given in checkout
    token: str = ""  # the card that was saved or paid with
    refunded_paise: int = 0  # by all refunds so far
    has_offer: bool = False  # one of Razorpay's offers reduced the amount
    fee_paise: int = 0  # Razorpay's fee, tax included
    is_fee_on_customer: bool = False  # the amount contains the fee
    is_accepted: bool = False  # whatever the amount, by a member of staff
    order_is_paid: bool | None = None  # by this attempt, as the order says; None if the order was not fetched

    @property
    def fee_on_customer_paise(self) -> int:
        """The part of the amount that is the fee."""
        return self.fee_paise if self.is_fee_on_customer else 0


class GatewayRefund(NamedTuple):
    id: str
    payment: str
    amount_paise: int
    currency: str
    status: str  # pending, processed, failed
    reference: str = ""  # our id of the refund, if we asked for it
    arn: str | None = None  # the bank's reference


class GatewayDispute(NamedTuple):
    id: str
    payment: str
    amount_paise: int
    currency: str
    status: str  # one of DISPUTE_STATUSES
    phase: str
    reason: str
    deducted_paise: int  # what Razorpay has taken
    respond_by_s: int  # until when the bank waits for evidence; 0 if Razorpay does not say
    opened_at_s: int


DISPUTE_STATUSES = ("open", "under_review", "won", "lost", "closed")


# Razorpay's words for the state of a token, of saved cards and of mandates, in ours.
TOKEN_STATUSES: Mapping[str, str] = {
    "initiated": "initiated",
    "active": "active",
    "activated": "active",
    "confirmed": "active",
    "not_applicable": "active",
    "suspended": "suspended",
    "paused": "suspended",
    "deactivated": "deactivated",
    "failed": "failed",
    "rejected": "failed",
    "cancelled": "cancelled",
}


class RazorpayToken(NamedTuple):
    """A card that Razorpay keeps for one of its customers. The token's own secret is never read."""

    id: str
    customer: str  # "" if Razorpay leaves it out
    method: str
    status: str  # a value of TOKEN_STATUSES; an unknown status cannot be used: suspended
    last4: str
    brand: str
    issuer: str
    expiry_month: int | None
    expiry_year: int | None
    account: str  # the network's reference for the card's account, the same for each of its tokens, or ""


def is_id(text: object, kind: str) -> bool:
    return isinstance(text, str) and ID.fullmatch(text) is not None and text.startswith(f"{kind}_")


def require_id(text: object, kind: str) -> str:
    """The id. The SDK pastes ids into URLs, so anything else must never get there."""
    if not is_id(text, kind):
        raise UnexpectedPayload(f"not an id of kind {kind}")
    return str(text)


def payment_from(entity: Any) -> GatewayPayment:
    """Parse a payment entity; UnexpectedPayload if it is not one."""
    try:
        amount = entity["amount"]
        if type(amount) is not int or not is_id(entity["id"], "pay"):
            raise UnexpectedPayload("a payment without an id or amount")
        return GatewayPayment(
            id=entity["id"],
            order=entity.get("order_id") or "",
            amount_paise=amount,
            currency=str(entity.get("currency")),
            status=str(entity["status"]),
            was_captured=entity.get("captured") is True,
            method=str(entity.get("method") or ""),
            failure=str(entity.get("error_reason") or ""),
            customer=str(entity.get("customer_id") or ""),
            contact=str(entity.get("contact") or ""),
            token=str(entity.get("token_id") or ""),
            refunded_paise=_positive(entity.get("amount_refunded")),
            has_offer=_has_offer(entity),
            fee_paise=_positive(entity.get("fee")),
            is_fee_on_customer=entity.get("fee_bearer") == "customer",
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UnexpectedPayload("not a payment") from error


def refund_from(entity: Any) -> GatewayRefund:
    """Parse a refund entity; UnexpectedPayload if it is not one."""
    try:
        amount = entity["amount"]
        if type(amount) is not int or not is_id(entity["id"], "rfnd") or not is_id(entity["payment_id"], "pay"):
            raise UnexpectedPayload("a refund without an id, payment or amount")
        return GatewayRefund(
            id=entity["id"],
            payment=entity["payment_id"],
            amount_paise=amount,
            currency=str(entity.get("currency")),
            status=str(entity["status"]),
            reference=_reference(entity),
            arn=_arn(entity.get("acquirer_data")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UnexpectedPayload("not a refund") from error


def dispute_from(entity: Any) -> GatewayDispute:
    """Parse a dispute entity; UnexpectedPayload if it is not one."""
    try:
        amount, deducted = entity["amount"], entity.get("amount_deducted")
        if deducted is None and entity["status"] == "lost":
            deducted = amount  # a lost one has lost its amount, unless Razorpay says which part
        if not is_id(entity["id"], "disp") or not is_id(entity["payment_id"], "pay") or _positive(amount) == 0:
            raise UnexpectedPayload("a dispute without an id, payment or amount")
        if entity["status"] not in DISPUTE_STATUSES:
            raise UnexpectedPayload("a dispute in an unknown status")
        return GatewayDispute(
            id=entity["id"],
            payment=entity["payment_id"],
            amount_paise=amount,
            currency=str(entity.get("currency")),
            status=entity["status"],
            phase=str(entity.get("phase") or "")[:40],
            reason=str(entity.get("reason_code") or "")[:100],
            deducted_paise=_positive(deducted),
            respond_by_s=_positive(entity.get("respond_by")),
            opened_at_s=_positive(entity.get("created_at")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UnexpectedPayload("not a dispute") from error


def token_from(entity: Any) -> RazorpayToken:
    """Parse a token entity. Razorpay leaves out what it does not know and writes expiries in several forms."""
    try:
        if not is_id(entity["id"], "token"):
            raise UnexpectedPayload("a token without an id")
        card = entity.get("card") or {}
        return RazorpayToken(
            id=entity["id"],
            customer=str(entity.get("customer_id") or ""),
            method=str(entity.get("method") or ""),
            status=_token_status(entity),
            last4=str(card.get("last4") or "")[-4:],
            brand=str(card.get("network") or "")[:50],
            issuer=str(card.get("issuer") or "")[:100],
            expiry_month=_number(card.get("expiry_month"), 1, 12),
            expiry_year=_number(card.get("expiry_year"), 2000, 9999),
            account=_account(entity),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UnexpectedPayload("not a token") from error


def _token_status(entity: Any) -> str:
    status = entity.get("status") or (entity.get("recurring_details") or {}).get("status") or "active"
    return TOKEN_STATUSES.get(str(status), "suspended")


def _reference(refund: Any) -> str:
    """Our id of a refund, from its receipt or else from its notes, which are a list when they are empty."""
    notes = refund.get("notes")
    noted = notes.get("refund") if isinstance(notes, dict) else None
    return str(refund.get("receipt") or noted or "")


def _arn(acquirer_data: Any) -> str | None:
    """The reference by which a bank finds a refund, whatever its kind."""
    data = acquirer_data if isinstance(acquirer_data, dict) else {}
    found = next((data[name] for name in ("arn", "rrn", "utr") if data.get(name)), None)
    return str(found)[:64] if found else None


def _account(entity: Any) -> str:
    """The first payment account reference among the card networks' tokens."""
    for network_token in entity.get("service_provider_tokens") or []:
        if reference := (network_token.get("provider_data") or {}).get("payment_account_reference"):
            return str(reference)
    return ""


def _has_offer(payment: Any) -> bool:
    """Whether a payment carries an offer: its id, or a collection of offers that is not empty."""
    offers = payment.get("offers")
    return bool(payment.get("offer_id") or (offers.get("items") if isinstance(offers, dict) else offers))


def _positive(value: Any) -> int:
    """A secondary amount or time: 0 for anything but a positive whole number."""
    return value if type(value) is int and value > 0 else 0


def _number(value: Any, minimum: int, maximum: int) -> int | None:
    text = str(value)
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text) and minimum <= int(text) <= maximum else None
