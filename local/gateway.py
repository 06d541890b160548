"""The Razorpay stand-in: orders, payments, refunds, saved cards and webhooks with a state of their own, over HTTP.

The real SDK talks to it. It answers in the gateway's words, signs as the gateway signs, and can be told under
`/_control/` to pay as the customer would and to duplicate, delay, reorder, tamper or lose an answer.
"""

import base64
import hashlib
import hmac
import json
import queue
import secrets
import string
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
EPOCH_S = 1_388_534_400  # ids count nanoseconds from 2014
NOTE_PAIRS_MAX, NOTE_LENGTH_MAX, RECEIPT_LENGTH_MAX = 15, 256, 40
WEBHOOK_TIMEOUT_S = 5
REDELIVER_AFTER_S = (1, 2, 4)
HANG_S = 30

NOT_FOUND = "The requested URL was not found on the server."
NO_SUCH_ID = "The id provided does not exist"
CUSTOMER_EXISTS = "Customer already exists for the merchant"
BAD_CONTACT = "Contact number should be at least 8 digits, including country code"
ORDER_PAID = (
    "Your payment has been declined as the order is already paid. Please initiate the payment with a new order."
)


class Refused(Exception):
    """A 4xx answer in the gateway's shape."""

    def __init__(self, description: str, status: int = 400, **extra: Any) -> None:
        super().__init__(description)
        self.status = status
        self.body = {
            "error": {
                "code": "BAD_REQUEST_ERROR",
                "description": description,
                "source": "business",
                "step": "payment_initiation",
                "reason": "input_validation_failed",
                "metadata": {},
                **extra,
            }
        }


class Lost(Exception):
    """The connection breaks here; `hang` waits first."""

    def __init__(self, hang: bool = False) -> None:
        super().__init__()
        self.hang = hang


class StandIn:
    """The gateway's state and its answers; one lock round every call."""

    def __init__(self, key_id: str, key_secret: str, webhook_secret: str, now_s: Callable[[], int]) -> None:
        self.key_id, self.key_secret, self.webhook_secret = key_id, key_secret, webhook_secret
        self.now_s = now_s
        self.webhook_url = ""
        self.lock = threading.RLock()
        self.closing = threading.Event()
        self.orders: dict[str, dict[str, Any]] = {}
        self.payments: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.refund_keys: dict[str, tuple[Any, str]] = {}
        self.customers: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.saved_cards = True  # a feature that real accounts have on demand
        self.events: dict[str, dict[str, Any]] = {}
        self.held: list[str] = []
        self.holding = False
        self.faults: list[dict[str, Any]] = []
        self.outbox: queue.Queue[str | None] = queue.Queue()

    def dump(self) -> dict[str, Any]:
        with self.lock:
            kept = ("orders", "payments", "refunds", "customers", "tokens")
            return {name: getattr(self, name) for name in kept}

    def load(self, state: dict[str, Any]) -> None:
        self.orders, self.payments, self.refunds = state["orders"], state["payments"], state["refunds"]
        self.customers, self.tokens = state.get("customers", {}), state.get("tokens", {})

    # --- the API

    def handle(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """One request; raises Lost where the connection is to break."""
        fault = self._fault(method, path)
        if fault in ("refuse", "timeout_before"):
            raise Lost(hang=fault == "timeout_before")
        if fault == "500":
            return self._json(500, {"error": {"code": "SERVER_ERROR", "description": SERVER_ERROR, "metadata": {}}})
        if fault == "502_html":
            return 502, {"Content-Type": "text/html"}, b"<html><body>502 Bad Gateway</body></html>"
        if fault == "429":
            return self._json(429, Refused("Too many requests", 429).body)
        try:
            with self.lock:
                answer = self._route(method, path, query, headers, body)
            status, result = 200, answer
        except Refused as refused:
            status, result = refused.status, refused.body
        if fault in ("timeout_after", "drop"):
            raise Lost(hang=fault == "timeout_after")
        return self._json(status, result)

    def _fault(self, method: str, path: str) -> str:
        with self.lock:
            for fault in self.faults:
                if fault["method"] == method and path.startswith(fault["path"]) and fault["times"] > 0:
                    fault["times"] -= 1
                    return str(fault["fault"])
        return ""

    def _route(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> dict[str, Any]:
        parts = path.strip("/").split("/")
        if parts[0] != "v1" or "//" in path:
            raise Refused(NOT_FOUND, source="NA", step="NA", reason="NA")
        expected = base64.b64encode(f"{self.key_id}:{self.key_secret}".encode()).decode()
        if headers.get("authorization") != f"Basic {expected}":
            raise Refused("Authentication failed", 401)
        sent = _object(body)
        match [method, *parts[1:]]:
            case ["POST", "orders"]:
                return self._create_order(sent)
            case ["GET", "orders"]:
                return self._list_orders(query)
            case ["GET", "orders", order_id]:
                return self._known(self.orders, order_id)
            case ["GET", "orders", order_id, "payments"]:
                self._known(self.orders, order_id)
                return _collection([one for one in self.payments.values() if one["order_id"] == order_id])
            case ["GET", "payments", payment_id]:
                return self._known(self.payments, payment_id)
            case ["POST", "payments", payment_id, "capture"]:
                return self._capture(payment_id, sent)
            case ["POST", "payments", payment_id, "refund"]:
                return self._refund(payment_id, sent, headers.get("x-refund-idempotency"))
            case ["GET", "payments", payment_id, "refunds"]:
                return _collection([one for one in self.refunds.values() if one["payment_id"] == payment_id])
            case ["GET", "refunds", refund_id]:
                return self._known(self.refunds, refund_id)
            case [_, "customers", *rest] if self.saved_cards:
                return self._customers(method, rest, sent)
        raise Refused(NOT_FOUND, source="NA", step="NA", reason="NA")

    def _create_order(self, sent: dict[str, Any]) -> dict[str, Any]:
        amount, receipt, notes = _amount(sent), sent.get("receipt"), sent.get("notes") or []
        if not isinstance(sent.get("currency"), str):
            raise Refused(f"expected string but provided {sent.get('currency')}", field="currency")
        if receipt is not None and (not isinstance(receipt, str) or len(receipt) > RECEIPT_LENGTH_MAX):
            raise Refused("The receipt may not be greater than 40 characters.", field="receipt")
        if notes and (len(notes) > NOTE_PAIRS_MAX or any(len(str(one)) > NOTE_LENGTH_MAX for one in notes.values())):
            raise Refused("The notes are too many or too long.", field="notes")
        order = {
            "id": self._new_id("order"),
            "entity": "order",
            "amount": amount,
            "amount_paid": 0,
            "amount_due": amount,
            "currency": sent["currency"],
            "receipt": receipt,
            "offer_id": None,
            "status": "created",
            "attempts": 0,
            "notes": notes,
            "created_at": self.now_s(),
        }
        self.orders[order["id"]] = order
        return order

    def _list_orders(self, query: dict[str, str]) -> dict[str, Any]:
        receipt = query.get("receipt", "")
        found = [one for one in self.orders.values() if receipt in (one["receipt"] or "")]
        skip, count = int(query.get("skip", 0)), min(int(query.get("count", 10)), 100)
        return _collection(found[::-1][skip : skip + count])

    def _capture(self, payment_id: str, sent: dict[str, Any]) -> dict[str, Any]:
        payment = self._known(self.payments, payment_id)
        amount = _amount(sent)
        if payment["captured"]:
            raise Refused("This payment has already been captured")
        if payment["status"] != "authorized":
            raise Refused("Only payments which have been authorized and not yet captured can be captured")
        if amount != payment["amount"]:
            raise Refused("Capture amount must be equal to the amount authorized", field="amount")
        self._captured(payment)
        return payment

    def _refund(self, payment_id: str, sent: dict[str, Any], key: str | None) -> dict[str, Any]:
        payment = self._known(self.payments, payment_id)
        if key is not None:
            if len(key) < 10:
                raise Refused("The idempotency key must be at least 10 characters long.")
            if key in self.refund_keys:
                first, refund_id = self.refund_keys[key]
                if first != sent:
                    raise Refused("Different request with the same idempotency key has already been processed.", 409)
                return self.refunds[refund_id]
        if not payment["captured"]:
            raise Refused("The payment status should be captured for action to be taken")
        left = payment["amount"] - payment["amount_refunded"]
        if left == 0:
            raise Refused("The payment has been fully refunded already")
        amount = _amount(sent) if "amount" in sent else left
        if amount > left:
            raise Refused("The refund amount provided is greater than amount captured", field="amount")
        refund = self._refunded(payment, amount, "processed")
        if key is not None:
            self.refund_keys[key] = (sent, refund["id"])
        return refund

    # --- customers and their saved cards

    def _customers(self, method: str, rest: list[str], sent: dict[str, Any]) -> dict[str, Any]:
        match [method, *rest]:
            case ["POST"]:
                return self._create_customer(sent)
            case ["GET"]:
                return _collection(list(self.customers.values()))
            case ["GET", customer_id]:
                return self._known(self.customers, customer_id)
            case ["PUT", customer_id]:
                customer = self._known(self.customers, customer_id)
                customer |= {name: sent[name] for name in ("name", "email", "contact") if name in sent}
                return customer
            case ["GET", customer_id, "tokens"]:
                self._known(self.customers, customer_id)
                return _collection(
                    [
                        one
                        for one in self.tokens.values()
                        if one["customer_id"] == customer_id and one["status"] != "failed"
                    ]
                )
            case ["GET", customer_id, "tokens", token_id]:
                return self._token(customer_id, token_id)
            case ["DELETE", customer_id, "tokens", token_id]:
                del self.tokens[self._token(customer_id, token_id)["id"]]
                return {"deleted": True}
        raise Refused(NOT_FOUND, source="NA", step="NA", reason="NA")

    def _create_customer(self, sent: dict[str, Any]) -> dict[str, Any]:
        contact, email = str(sent.get("contact") or ""), sent.get("email")
        if len([sign for sign in contact if sign.isdigit()]) < 8 or len(contact) > 15:
            raise Refused(BAD_CONTACT, reason="invalid_contact_number", field="contact")
        for customer in self.customers.values():
            if (customer["contact"], customer["email"]) == (contact, email):
                if sent.get("fail_existing") == "0":  # the text: a number is misread
                    return customer
                raise Refused(CUSTOMER_EXISTS)
        customer = {
            "id": self._new_id("cust"),
            "entity": "customer",
            "name": sent.get("name"),
            "email": email,
            "contact": contact,
            "gstin": None,
            "notes": sent.get("notes") or [],
            "created_at": self.now_s(),
        }
        self.customers[customer["id"]] = customer
        return customer

    def _token(self, customer_id: str, token_id: str) -> dict[str, Any]:
        token = self._known(self.tokens, token_id)
        if token["customer_id"] != customer_id:
            raise Refused(NO_SUCH_ID)
        return token

    def _saved(self, customer_id: str, card: dict[str, Any], anew: bool, status: str) -> dict[str, Any]:
        """The customer's token of this card, made if there is none; `anew` makes a second one of the same account."""
        account = hashlib.sha256(str(sorted(card.items())).encode()).hexdigest()[:29].upper()
        for token in self.tokens.values():
            provided = token["service_provider_tokens"][0]["provider_data"]
            same = token["customer_id"] == customer_id and provided["payment_account_reference"] == account
            if same and not anew:
                return token
        token = {
            "id": self._new_id("token"),
            "entity": "token",
            "token": secrets.token_urlsafe(10),
            "bank": None,
            "wallet": None,
            "method": "card",
            "customer_id": customer_id,
            "card": {
                "entity": "card",
                "name": "",
                "international": False,
                "emi": False,
                "sub_type": "consumer",
                "token_iin": "453335",
                "flows": {"otp": True, "recurring": False},
                **card,
            },
            "recurring": False,
            "recurring_details": {"status": "not_applicable", "failure_reason": None},
            "auth_type": None,
            "mrn": None,
            "used_at": self.now_s(),
            "created_at": self.now_s(),
            "expired_at": self.now_s() + 4 * 365 * 86_400,
            "compliant_with_tokenisation_guidelines": True,
            "service_provider_tokens": [
                {
                    "id": self._new_id("spt"),
                    "entity": "service_provider_token",
                    "provider_type": "network",
                    "provider_name": card["network"].lower(),
                    "interoperable": True,
                    "status": status,
                    "provider_data": {
                        "token_reference_number": secrets.token_hex(16),
                        "payment_account_reference": account,
                        "token_iin": "453335",
                        "token_expiry_month": 12,
                        "token_expiry_year": 2031,
                    },
                }
            ],
            "status": status,
            "status_reason": None,
            "notes": [],
        }
        self.tokens[token["id"]] = token
        self._emit_token("initiated", token)
        if status != "initiated":
            self._emit_token(status, token)
        return token

    def _token_event(self, sent: dict[str, Any]) -> dict[str, Any]:
        """The bank or network decides about a saved card: its new status, told as the gateway tells it."""
        with self.lock:
            token = self._known(self.tokens, sent["token_id"])
            token["status"] = token["service_provider_tokens"][0]["status"] = sent["status"]
            self._emit_token(sent["status"], token, sent.get("family", "service_provider"))
            return token

    def _emit_token(self, status: str, token: dict[str, Any], family: str = "service_provider") -> None:
        """One of the two families of token events, with the irregularities that each is documented with."""
        if status == "initiated":
            return self._send_later("token.initiated", {"token": token}, created_at=False)
        if family == "token" or status == "cancelled":  # the mandates' family: no customer, the expiry as texts
            told = {name: value for name, value in token.items() if name != "customer_id"}
            expiry = {name: str(token["card"][name]) for name in ("expiry_month", "expiry_year")}
            return self._send_later(f"token.{status}", {"token": told | {"card": token["card"] | expiry}})
        name = {"suspended": "cancelled"}.get(status, status)
        payload = {"service_provider_token": token["service_provider_tokens"][0], "token": token}
        return self._send_later(f"token.service_provider.{name}", payload, created_at=False, odd=status == "failed")

    def _known(self, entities: dict[str, dict[str, Any]], entity_id: str) -> dict[str, Any]:
        if entity_id not in entities:
            raise Refused(NO_SUCH_ID)
        return entities[entity_id]

    # --- what the customer and the banks do

    def control(self, action: str, sent: Any) -> Any:
        """`POST /_control/<action>`: the tests' and the console's hand on the gateway."""
        match action:
            case "pay":
                choice = {name: sent[name] for name in CHOICES if sent.get(name) is not None}
                return self.pay(sent["order_id"], sent.get("method", "upi"), sent.get("outcome", "success"), **choice)
            case "token":
                return self._token_event(sent)
            case "features":
                self.saved_cards = bool(sent["saved_cards"])
                return {"saved_cards": self.saved_cards}
            case "event":
                return self._arbitrary(sent)
            case "late":
                return self.late(sent)
            case "hold":
                self.holding = bool(sent["hold"])
                return {"hold": self.holding}
            case "deliver":
                return self.deliver(sent)
            case "faults":
                with self.lock:
                    self.faults = [{"times": 1, **fault} for fault in sent]
                return self.faults
            case "refund":
                with self.lock:
                    payment = self._known(self.payments, sent["payment_id"])
                    left = payment["amount"] - payment["amount_refunded"]
                    return self._refunded(payment, sent.get("amount", left), sent.get("status", "processed"))
            case "dispute":
                return self._dispute(sent)
            case "double_pay":
                with self.lock:
                    return self._pay(self._known(self.orders, sent["order_id"]), "upi", "success", {})
            case "state":
                with self.lock:
                    held = [self.events[one] for one in self.held]
                    return {**self.dump(), "events": list(self.events.values()), "held": held}
        raise Refused(NOT_FOUND)

    def pay(self, order_id: str, method: str, outcome: str, **choice: Any) -> dict[str, Any]:
        """Pay an order in checkout; the three fields that checkout gives the app.

        `choice` is what a customer with cards chooses: CHOICES, of which `customer_id` came with checkout's options.
        """
        with self.lock:
            order = self._known(self.orders, order_id)
            if order["status"] == "paid":
                raise Refused(ORDER_PAID, reason="order_already_paid")
            return self._pay(order, method, outcome, choice)

    def _pay(self, order: dict[str, Any], method: str, outcome: str, choice: dict[str, Any]) -> dict[str, Any]:
        payment = self._new_payment(order, method)
        self._choose(payment, choice)
        order["attempts"] += 1
        order["status"] = "attempted" if order["status"] == "created" else order["status"]
        if outcome in ("fail", "late"):
            payment |= {
                "status": "failed",
                "error_code": "BAD_REQUEST_ERROR",
                "error_description": "Payment was unsuccessful due to a temporary issue.",
                "error_source": "gateway",
                "error_step": "payment_response",
                "error_reason": "payment_failed",
            }
            self._emit("payment.failed", payment=payment)
        elif outcome in ("success", "authorize"):
            payment["status"] = "authorized"
            if choice.get("save") and self.saved_cards and payment["customer_id"] and method == "card":
                status = "initiated" if choice.get("activation") == "later" else "activated"
                token = self._saved(payment["customer_id"], _card(choice), bool(choice.get("anew")), status)
                payment["token_id"] = token["id"]
            self._emit("payment.authorized", payment=payment)
            if outcome == "success":
                self._captured(payment)
        elif outcome != "pending":
            raise Refused(f"no such outcome: {outcome}")
        answer = {"razorpay_payment_id": payment["id"], "razorpay_order_id": order["id"]}
        if payment["status"] in ("authorized", "captured"):
            answer["razorpay_signature"] = self.sign(self.key_secret, f"{order['id']}|{payment['id']}".encode())
        return answer

    def _choose(self, payment: dict[str, Any], choice: dict[str, Any]) -> None:
        """The card, new or saved, and the customer that checkout was opened for."""
        customer_id = choice.get("customer_id")
        if customer_id:
            customer = self._known(self.customers, customer_id)
            payment |= {"customer_id": customer_id, "contact": customer["contact"]}
        if payment["method"] != "card":
            return
        card = _card(choice)
        if "token" in choice:
            token = self._token(str(customer_id), choice["token"])
            if token["status"] not in ("active", "activated"):
                raise Refused("Your payment could not be completed as the saved card is not active.")
            card, payment["token_id"] = token["card"], token["id"]
        payment["card_id"] = self._new_id("card")
        kept = ("last4", "network", "type", "issuer")
        payment["card"] = {
            "id": payment["card_id"],
            "entity": "card",
            "name": "",
            "international": False,
            "emi": False,
        }
        payment["card"] |= {name: card[name] for name in kept} | {"sub_type": "consumer", "token_iin": None}

    def late(self, sent: dict[str, Any]) -> dict[str, Any]:
        """The bank says yes after all, to one failed or pending payment."""
        with self.lock:
            for payment in self.payments.values():
                wanted = sent.get("payment_id") in (None, payment["id"])
                wanted = wanted and sent.get("order_id") in (None, payment["order_id"])
                if wanted and payment["status"] in ("failed", "created"):
                    payment |= {name: None for name in payment if name.startswith("error_")}
                    payment |= {"status": "authorized", "late_authorized": True}
                    self._emit("payment.authorized", payment=payment)
                    self._captured(payment)
                    signature = self.sign(self.key_secret, f"{payment['order_id']}|{payment['id']}".encode())
                    return {
                        "razorpay_payment_id": payment["id"],
                        "razorpay_order_id": payment["order_id"],
                        "razorpay_signature": signature,
                    }
        raise Refused(NO_SUCH_ID)

    def _new_payment(self, order: dict[str, Any], method: str) -> dict[str, Any]:
        payment = {
            "id": self._new_id("pay"),
            "entity": "payment",
            "amount": order["amount"],
            "currency": order["currency"],
            "status": "created",
            "order_id": order["id"],
            "invoice_id": None,
            "international": False,
            "method": method,
            "amount_refunded": 0,
            "refund_status": None,
            "captured": False,
            "description": None,
            "card_id": None,
            "bank": "HDFC" if method == "netbanking" else None,
            "wallet": "payzapp" if method == "wallet" else None,
            "vpa": "success@razorpay" if method == "upi" else None,
            "email": "customer@example.com",
            "contact": "+919000090000",
            "customer_id": None,
            "token_id": None,
            "notes": [],
            "fee": None,
            "tax": None,
            "error_code": None,
            "error_description": None,
            "error_source": None,
            "error_step": None,
            "error_reason": None,
            "acquirer_data": {},
            "created_at": self.now_s(),
        }
        self.payments[payment["id"]] = payment
        return payment

    def _captured(self, payment: dict[str, Any]) -> None:
        order = self.orders[payment["order_id"]]
        base = round(payment["amount"] * 0.02)
        tax = round(base * 0.18)
        payment |= {"status": "captured", "captured": True, "fee": base + tax, "tax": tax}
        order |= {"status": "paid", "amount_paid": order["amount"], "amount_due": 0}
        self._emit("payment.captured", payment=payment)
        self._emit("order.paid", payment=payment, order=order)

    def _refunded(self, payment: dict[str, Any], amount: int, status: str) -> dict[str, Any]:
        refund = {
            "id": self._new_id("rfnd"),
            "entity": "refund",
            "amount": amount,
            "currency": payment["currency"],
            "payment_id": payment["id"],
            "notes": [],
            "receipt": None,
            "acquirer_data": {"arn": None},
            "created_at": self.now_s(),
            "batch_id": None,
            "status": status,
            "speed_processed": "normal",
            "speed_requested": "normal",
        }
        self.refunds[refund["id"]] = refund
        if status == "processed":
            total = payment["amount_refunded"] + amount
            full = total >= payment["amount"]
            payment |= {"amount_refunded": total, "refund_status": "full" if full else "partial"}
            payment |= {"status": "refunded"} if full else {}
        self._emit("refund.created", refund=refund, payment=payment)
        self._emit(f"refund.{'processed' if status == 'processed' else 'failed'}", refund=refund, payment=payment)
        return refund

    def _dispute(self, sent: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            payment = self._known(self.payments, sent["payment_id"])
            status = sent.get("status", "created")
            dispute = {
                "id": self._new_id("disp"),
                "entity": "dispute",
                "payment_id": payment["id"],
                "amount": payment["amount"],
                "currency": "INR",
                "amount_deducted": payment["amount"] if status == "lost" else 0,
                "status": "open" if status == "created" else status,
                "phase": "chargeback",
                "created_at": self.now_s(),
            }
            self._emit(f"payment.dispute.{status}", payment=payment, dispute=dispute)
            return dispute

    # --- webhooks

    def _emit(self, name: str, **entities: dict[str, Any]) -> None:
        """An event of a payment; of a card with the oddities of the gateway's samples, and its token unlisted."""
        payload = {kind: dict(entity) for kind, entity in entities.items()}
        contains = list(entities)
        payment = payload.get("payment", {})
        if payment.get("method") == "card":
            payment |= {key: payment[key] or "" for key in ("error_code", "error_description")}
            if name == "payment.authorized":
                payment["captured"] = True  # and not captured at all: the status alone is to be believed
            if payment["token_id"] in self.tokens:
                payload["token"] = self.tokens[payment["token_id"]]
        self._send_later(name, payload, contains)

    def _send_later(
        self,
        name: str,
        entities: dict[str, Any],
        contains: list[str] | None = None,
        created_at: bool = True,
        odd: bool = False,
    ) -> None:
        """Put an event into its envelope; `odd` is the one whose name is an object and whose entity a list."""
        body: dict[str, Any] = {
            "entity": "event",
            "account_id": "acc_GC00000000001A",
            "event": name,
            "contains": list(entities) if contains is None else contains,
            "payload": {kind: {"entity": entity} for kind, entity in entities.items()},
        }
        body |= {"created_at": self.now_s()} if created_at else {}
        if entities.get("payment", {}).get("method") == "card":
            body = dict(sorted(body.items()))
        if odd:
            listed = body["payload"]["service_provider_token"]
            listed["entity"] = [listed["entity"]]
            body = {"event": {"name": name, "id": self._new_id("evt"), "service": "tokens", "payload": body}}
        self._queue(name, body)

    def _arbitrary(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Any envelope at all, signed as the gateway signs."""
        body = sent["body"]
        return {"event_id": self._queue(str(body.get("event")) if isinstance(body, dict) else "", body)}

    def _queue(self, name: str, body: Any) -> str:
        # Slashes and other scripts escaped as the gateway does it: who serialises again before checking, fails.
        text = json.dumps(body, separators=(",", ":")).replace("/", "\\/")
        event_id = self._new_id("evt").removeprefix("evt_")
        self.events[event_id] = {"event_id": event_id, "event": name, "body": text, "attempts": 0, "status": None}
        if self.holding:
            self.held.append(event_id)
        else:
            self.outbox.put(event_id)
        return event_id

    def deliver(self, sent: dict[str, Any]) -> list[dict[str, Any]]:
        """Send what is held, or one event again: several times, reordered, tampered or with another secret."""
        with self.lock:
            if sent.get("event_id"):
                chosen = [sent["event_id"]]
            else:
                chosen, self.held = self.held, []
            if sent.get("order") == "reverse":
                chosen = chosen[::-1]
            if sent.get("order") == "shuffle":
                chosen = sorted(chosen, key=lambda one: hashlib.sha256(one.encode()).digest())
        if sent.get("drop"):
            return []
        answers = []
        for event_id in chosen:
            for _ in range(int(sent.get("times", 1))):
                answers.append(self._send(event_id, bool(sent.get("tamper")), sent.get("secret")))
        return answers

    def _send(self, event_id: str, tamper: bool = False, secret: str | None = None) -> dict[str, Any]:
        event = self.events[event_id]
        body = event["body"].encode()
        signature = self.sign(secret or self.webhook_secret, body)
        if tamper:
            body = body.replace(b'"amount":', b'"amount":9', 1)
        headers = {
            "Content-Type": "application/json",
            "X-Razorpay-Signature": signature,
            "x-razorpay-event-id": event_id,
        }
        started = time.monotonic()
        event["attempts"] += 1
        try:
            request = urllib.request.Request(self.webhook_url, data=body, headers=headers, method="POST")
            with urllib.request.urlopen(request, timeout=WEBHOOK_TIMEOUT_S) as response:
                event["status"] = response.status
        except urllib.error.HTTPError as error:
            event["status"] = error.code
        except OSError:
            event["status"] = 0
        ms = round((time.monotonic() - started) * 1000)
        return {"event": event["event"], "event_id": event_id, "status": event["status"], "ms": ms}

    def post_forever(self) -> None:
        """Deliver events as they come; one that fails is sent a few times more, then held."""
        while (event_id := self.outbox.get()) is not None:
            for pause_s in (0, *REDELIVER_AFTER_S):
                if pause_s and self.closing.wait(pause_s):
                    return
                if 200 <= self._send(event_id)["status"] < 300:
                    break
            else:
                self.held.append(event_id)

    def close(self) -> None:
        self.closing.set()
        self.outbox.put(None)

    # --- beneath

    @staticmethod
    def sign(secret: str, message: bytes) -> str:
        return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()

    def _new_id(self, prefix: str) -> str:
        """Ids that sort by time, shaped as the gateway's: ten letters of nanoseconds, four of chance."""
        number, text = time.time_ns() - EPOCH_S * 1_000_000_000, ""
        for _ in range(10):
            number, place = divmod(number, 62)
            text = LETTERS[place] + text
        return f"{prefix}_{text}{''.join(secrets.choice(LETTERS) for _ in range(4))}"

    @staticmethod
    def _json(status: int, body: Any) -> tuple[int, dict[str, str], bytes]:
        return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


# What the customer may choose in checkout beside the method: `card` describes a new one, `token` a saved one; `save`
# ticks the box; `activation` "later" leaves its token initiated; `anew` makes a second token of the same card.
CHOICES = ("customer_id", "card", "token", "save", "activation", "anew")
CARD = {
    "last4": "1007",
    "network": "Visa",
    "type": "credit",
    "issuer": "HDFC",
    "expiry_month": 12,
    "expiry_year": 2030,
}


def _card(choice: dict[str, Any]) -> dict[str, Any]:
    return CARD | choice.get("card", {})


SERVER_ERROR = "We are facing some trouble completing your request at the moment. Please try again shortly."


def _object(body: bytes) -> dict[str, Any]:
    try:
        sent = json.loads(body or b"{}")
    except ValueError:
        raise Refused("The request body is not valid JSON") from None
    return sent if isinstance(sent, dict) else {}


def _amount(sent: dict[str, Any]) -> int:
    amount = sent.get("amount")
    if amount is None:
        raise Refused("amount: is required.", field="amount")
    if type(amount) is not int:
        raise Refused("The amount must be an integer.", field="amount")
    if amount < 100:
        raise Refused("The amount must be at least INR 1.00", field="amount")
    return amount


def _collection(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"entity": "collection", "count": len(items), "items": items}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, stand_in: StandIn, port: int, host: str) -> None:
        super().__init__((host, port), Connection)
        self.stand_in = stand_in
        self.url = f"http://{host}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no news."""


class Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # header and body in one piece, or each call waits 44 ms for an acknowledgement
    disable_nagle_algorithm = True
    server: Server

    def respond(self) -> None:
        stand_in, url = self.server.stand_in, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if url.path == "/checkout":
                page = (Path(__file__).parent / "checkout.html").read_bytes()
                status, headers, answer = 200, {"Content-Type": "text/html; charset=utf-8"}, page
            elif url.path.startswith("/_control/"):
                status, headers, answer = self._control(url.path.removeprefix("/_control/"), body)
            else:
                query = {name: values[-1] for name, values in parse_qs(url.query).items()}
                sent = {name.lower(): value for name, value in self.headers.items()}
                status, headers, answer = stand_in.handle(self.command, url.path, query, sent, body)
        except Lost as lost:
            if lost.hang:
                stand_in.closing.wait(HANG_S)
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)
        self.wfile.flush()

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = respond

    def _control(self, action: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        try:
            return StandIn._json(200, self.server.stand_in.control(action, json.loads(body or b"{}")))
        except Refused as refused:
            return StandIn._json(refused.status, refused.body)
        except (KeyError, TypeError, ValueError) as error:
            return StandIn._json(400, {"error": {"description": f"{type(error).__name__}: {error}"}})

    def log_message(self, *args: Any) -> None:
        """Quiet: the bundle's own log tells what matters."""


def serve(stand_in: StandIn, port: int = 0, host: str = "127.0.0.1") -> Server:
    """Answer, and deliver webhooks, until `shutdown`."""
    server = Server(stand_in, port, host)
    threading.Thread(target=server.serve_forever, name="gateway", daemon=True).start()
    threading.Thread(target=stand_in.post_forever, name="webhooks", daemon=True).start()
    return server
