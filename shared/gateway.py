"""Razorpay through its own SDK, wrapped so that nothing it gets wrong reaches money.

The SDK has no timeout, trusts the roots of 2015, loses the status of an error, prints to stdout and pastes ids
into URLs. The session below answers all of that: timeouts, certifi's roots, no redirects, a cap on what is read,
and a `Refused` with status and reason before the SDK looks at an answer. Outcomes are three: an answer, `Refused`
(the gateway decided against it), or `Unavailable` (unknown: ask again).
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared import tally
from shared.errors import Unavailable
from shared.settings import gateway_key, retired_key_secrets, settings

if TYPE_CHECKING:
    from requests import Response

TIMEOUT_S = (2.0, 5.0)  # connect, read
WEBHOOK_TIMEOUT_S = (1.0, 3.0)  # the gateway waits five seconds for the whole webhook
ANSWER_BYTES_MAX = 256 * 1024
DECIDED = (400, 404, 422)  # the gateway's own no; every other status leaves the outcome open
NO_SUCH_ID = "The id provided does not exist"
ID = re.compile(r"(order|pay|rfnd|cust|token)_[A-Za-z0-9]{1,40}", re.ASCII)

# Captured however late the bank authorises, so that the money is the customer's rather than refunded in days.
CAPTURE = {
    "capture": "automatic",
    "capture_options": {
        "automatic_expiry_period": 7200,
        "manual_expiry_period": 7200,
        "refund_speed": "normal",
    },
}


class Refused(Exception):
    """The gateway answered no: `status` and its `reason` and `description`, as it gave them."""

    def __init__(self, status: int, reason: str, description: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status, self.reason, self.description = status, reason, description

    @property
    def is_unknown_id(self) -> bool:
        """Whether what was asked for is not there, rather than the request not being allowed."""
        return self.description.startswith(NO_SUCH_ID)


class Unusable(Exception):
    """Something that should be a payment, refund or order is not shaped like one."""


@dataclass(frozen=True, slots=True)
class GatewayPayment:
    """What a payment at the gateway says, whichever way it reached us."""

    id: str
    order: str
    amount_paise: int
    currency: str
    status: str  # created, authorized, captured, refunded, failed
    was_captured: bool  # to be believed only beside the statuses captured and refunded
    method: str
    failure: str  # the gateway's reason, or ""
    customer: str = ""  # the gateway's customer, when checkout was opened for one
    token: str = ""  # the card that was saved or paid with


@dataclass(frozen=True, slots=True)
class GatewayRefund:
    id: str
    payment: str
    amount_paise: int
    currency: str
    status: str  # pending, processed, failed


# The gateway's words for a token's state, of saved cards and of mandates, in ours.
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


@dataclass(frozen=True, slots=True)
class GatewayToken:
    """A card that the gateway keeps for one of its customers; never the token's own secret."""

    id: str
    customer: str  # "" where the gateway leaves it out
    method: str
    status: str  # a value of TOKEN_STATUSES; what is not known cannot be used: suspended
    last4: str
    brand: str
    issuer: str
    expiry_month: int | None
    expiry_year: int | None
    account: str  # the network's own name for the card's account, the same for every token of it, or ""


def create_order(amount_paise: int, receipt: str, notes: Mapping[str, str]) -> str:
    """Open a gateway order; its id."""
    wanted = {
        "amount": amount_paise,
        "currency": "INR",
        "receipt": receipt,
        "notes": dict(notes),
        "payment": CAPTURE,
    }
    made = _call(lambda client: client.order.create(wanted))
    if made.get("amount") != amount_paise or made.get("receipt") != receipt:
        raise Unavailable
    return _id(made.get("id"), "order")


def order(order_id: str, timeout_s: tuple[float, float] = TIMEOUT_S) -> dict[str, Any]:
    """The gateway order as it is there."""
    return _asked(order_id, lambda client: client.order.fetch(_id(order_id, "order"), timeout=timeout_s))


def payments_of_order(order_id: str) -> list[GatewayPayment]:
    """Every attempt to pay the order, in no particular order."""
    answer = _call(lambda client: client.order.payments(_id(order_id, "order")))
    items = answer.get("items")
    if not isinstance(items, list):
        raise Unavailable
    return [payment_from(one) for one in items]


def payment(payment_id: str, timeout_s: tuple[float, float] = TIMEOUT_S) -> GatewayPayment:
    fetched = _asked(payment_id, lambda client: client.payment.fetch(_id(payment_id, "pay"), timeout=timeout_s))
    return payment_from(fetched)


def capture(authorized: GatewayPayment) -> GatewayPayment:
    """Take the authorised money; a payment that was captured meanwhile is answered as it is."""
    try:
        answer = _call(
            # A literal dict every time: the SDK writes the amount into its shared default argument.
            lambda client: client.payment.capture(authorized.id, authorized.amount_paise, {"currency": "INR"})
        )
    except Refused:
        return payment(authorized.id)
    return payment_from(answer)


def create_customer(contact: str) -> str:
    """The id of the gateway's customer with this contact, made or found: asking again answers the same."""
    # A text: the gateway misreads the number 0.
    made = _call(lambda client: client.customer.create({"contact": contact, "fail_existing": "0"}))
    if not is_id(made.get("id"), "cust"):
        raise Unavailable
    return str(made["id"])


def token(customer_id: str, token_id: str, timeout_s: tuple[float, float] = TIMEOUT_S) -> GatewayToken:
    """The customer's token as it stands now; Refused when it is not (or no longer) that customer's."""
    path = _id(customer_id, "cust"), _id(token_id, "token")
    return token_from(_asked(token_id, lambda client: client.token.fetch(*path, timeout=timeout_s)))


def delete_token(customer_id: str, token_id: str, timeout_s: tuple[float, float] = TIMEOUT_S) -> None:
    """Make the gateway forget the card; one that it does not know is forgotten already."""
    path = _id(customer_id, "cust"), _id(token_id, "token")
    try:
        answer = _call(lambda client: client.token.delete(*path, timeout=timeout_s))
    except Refused as refused:
        if refused.is_unknown_id:
            return
        raise
    if answer.get("deleted") is not True:
        raise Unavailable


def key_id() -> str:
    return gateway_key()[0]


def checkout_signature_matches(order_id: str, payment_id: str, signature: str) -> bool:
    """Whether the gateway made this pair; `order_id` is the stored one, never the one that was sent."""
    secrets = [gateway_key()[1], *retired_key_secrets()]
    return any([_matches(secret, f"{order_id}|{payment_id}".encode(), signature) for secret in secrets])  # noqa: C419


def webhook_signature_matches(secrets: list[str], body: bytes, signature: str) -> bool:
    """Whether one of the secrets signed these very bytes; every secret is tried."""
    return any([_matches(secret, body, signature) for secret in secrets])  # noqa: C419, no early exit


def is_id(text: object, kind: str) -> bool:
    return isinstance(text, str) and ID.fullmatch(text) is not None and text.startswith(f"{kind}_")


def payment_from(entity: Any) -> GatewayPayment:
    """Parse a payment entity; the one place where the gateway's words become ours."""
    try:
        amount = entity["amount"]
        if type(amount) is not int or not is_id(entity["id"], "pay"):
            raise Unusable("a payment without an id or amount")
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
            token=str(entity.get("token_id") or ""),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise Unusable("not a payment") from error


def refund_from(entity: Any) -> GatewayRefund:
    try:
        amount = entity["amount"]
        if type(amount) is not int or not is_id(entity["id"], "rfnd") or not is_id(entity["payment_id"], "pay"):
            raise Unusable("a refund without an id, payment or amount")
        return GatewayRefund(
            entity["id"], entity["payment_id"], amount, str(entity.get("currency")), str(entity["status"])
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise Unusable("not a refund") from error


def token_from(entity: Any) -> GatewayToken:
    """Parse a token entity; the gateway leaves out what it does not know, and writes an expiry as it likes."""
    try:
        if not is_id(entity["id"], "token"):
            raise Unusable("a token without an id")
        card = entity.get("card") or {}
        return GatewayToken(
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
        raise Unusable("not a token") from error


def _token_status(entity: Any) -> str:
    said = entity.get("status") or (entity.get("recurring_details") or {}).get("status") or "active"
    return TOKEN_STATUSES.get(str(said), "suspended")


def _account(entity: Any) -> str:
    """The first payment account reference among the networks' own tokens."""
    for one in entity.get("service_provider_tokens") or []:
        if reference := (one.get("provider_data") or {}).get("payment_account_reference"):
            return str(reference)
    return ""


def _number(value: Any, minimum: int, maximum: int) -> int | None:
    text = str(value)
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text) and minimum <= int(text) <= maximum else None


def _matches(secret: str, message: bytes, signature: str) -> bool:
    if not secret:  # HMAC takes an empty key gladly
        return False
    expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest().encode()
    return hmac.compare_digest(expected, signature.encode("utf-8", "surrogatepass"))


def _id(text: object, kind: str) -> str:
    """Ids are pasted into URLs by the SDK: one that is not an id must never get there."""
    if not is_id(text, kind):
        raise Unusable(f"not an id of kind {kind}")
    return str(text)


def _asked(wanted_id: str, ask: Callable[[Any], Any]) -> dict[str, Any]:
    answer = _call(ask)
    if answer.get("id") != wanted_id:
        raise Unavailable
    return answer


def _call(ask: Callable[[Any], Any]) -> dict[str, Any]:
    import requests
    import urllib3

    client = _client(*gateway_key(), settings().razorpay_base_url)
    try:
        with redirect_stdout(StringIO()):  # the SDK prints
            answer = ask(client)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise Unavailable from error
    if not isinstance(answer, dict):
        raise Unavailable
    return answer


@lru_cache(maxsize=2)
def _client(key: str, secret: str, base_url: str) -> Any:
    import certifi
    import razorpay
    import requests

    class Session(requests.Session):
        def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
            kwargs.setdefault("timeout", TIMEOUT_S)
            kwargs["allow_redirects"] = False
            kwargs["stream"] = True
            started_ns, outcome = time.monotonic_ns(), "no answer"
            try:
                response = super().request(method, url, *args, **kwargs)
                outcome = str(response.status_code)
                return _checked(response)
            finally:
                _note(f"{method} {ID.sub('{id}', urlsplit(url).path)}", outcome, time.monotonic_ns() - started_ns)

    session = Session()
    session.trust_env = False  # no proxy, no .netrc
    client = razorpay.Client(session=session, auth=(key, secret), base_url=base_url)
    client.cert_path = certifi.where()
    return client


def _note(asked: str, outcome: str, took_ns: int) -> None:
    took_ms = took_ns // 1_000_000
    tally.count("GatewayCalls")
    tally.count("GatewayMilliseconds", took_ms)
    if outcome != "200":
        tally.count("GatewayErrors")
    tally.step(f"gateway {asked}: {outcome} in {took_ms} ms")


def _checked(response: "Response") -> "Response":
    """The response with its body read under the cap; errors leave here with their status."""
    body = response.raw.read(ANSWER_BYTES_MAX + 1, decode_content=True)
    response._content = body
    response._content_consumed = True  # type: ignore[attr-defined]
    response.raw.release_conn()
    if len(body) > ANSWER_BYTES_MAX:
        raise Unavailable
    try:
        answer = json.loads(body)
    except ValueError:
        raise Unavailable from None
    if response.status_code == 200:
        return response
    if response.status_code not in DECIDED:
        raise Unavailable
    error = answer.get("error") if isinstance(answer, dict) else None
    error = error if isinstance(error, dict) else {}
    raise Refused(response.status_code, str(error.get("reason") or ""), str(error.get("description") or ""))
