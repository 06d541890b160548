"""A fake Razorpay for the real SDK to talk to: its API, and the control of what its customers and banks do.

It answers in Razorpay's words and signs as Razorpay signs. `control` pays as a customer would, and duplicates,
delays, reorders, tampers with or loses what Razorpay sends.
"""

from typing import Any

from local.razorpay import api, cards, faults, payments, shopper, webhooks
from local.razorpay.responses import NO_SUCH_URL, Rejected, Response, json_response
from local.razorpay.state import State


class FakeRazorpay(State):
    """The account's state with everything that acts on it; one lock guards every call."""

    def handle(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Response:
        """Answer one request to the API; raises ConnectionDropped where a fault breaks the connection."""
        with self.lock:
            fault = faults.next_fault(self, method, path)
        response = faults.fail_before(fault)
        if response is None:
            try:
                with self.lock:
                    response = json_response(200, api.handle(self, method, path, query, headers, body))
            except Rejected as rejected:
                response = rejected.response
            faults.fail_after(fault)
        return response

    def pay(self, order_id: str, method: str, outcome: str, **choice: Any) -> dict[str, Any]:
        """Pay an order in checkout; `choice` has keys of `shopper.CHOICES`."""
        with self.lock:
            return shopper.pay(self, order_id, method, outcome, choice)

    def control(self, action: str, sent: Any) -> Any:
        """`POST /_control/<action>` for tests and for people who try things out."""
        if action == "deliver":  # without the lock: the receiver of a webhook may call the API
            return webhooks.deliver(self, sent)
        with self.lock:
            return self._control(action, sent)

    def _control(self, action: str, sent: Any) -> Any:
        match action:
            case "pay":
                choice = {name: sent[name] for name in shopper.CHOICES if sent.get(name) is not None}
                method, outcome = sent.get("method", "upi"), sent.get("outcome", "success")
                return shopper.pay(self, sent["order_id"], method, outcome, choice)
            case "late":
                return shopper.authorize_late(self, sent.get("payment_id"), sent.get("order_id"))
            case "double_pay":
                return shopper.pay_again(self, sent["order_id"])
            case "refund" if "refund_id" in sent:
                refund = self.find(self.refunds, sent["refund_id"])
                return payments.end_refund(self, refund, sent.get("status", "processed"))
            case "refund":
                payment = self.find(self.payments, sent["payment_id"])
                left = payment["amount"] - payment["amount_refunded"]
                return payments.refund(self, payment, sent.get("amount", left), sent.get("status", "processed"))
            case "dispute":
                payment = self.find(self.payments, sent["payment_id"])
                return payments.dispute(self, payment, sent.get("status", "created"))
            case "token":
                family = sent.get("family", "service_provider")
                return cards.change_status(self, sent["token_id"], sent["status"], family)
            case "features":
                self.saved_cards = bool(sent["saved_cards"])
                return {"saved_cards": self.saved_cards}
            case "event":
                return webhooks.emit_body(self, sent["body"])
            case "hold":
                self.holding = bool(sent["hold"])
                return {"hold": self.holding}
            case "faults":
                return faults.set_faults(self, sent)
            case "state":
                held = [self.events[event_id] for event_id in self.held]
                return {**self.dump(), "events": list(self.events.values()), "held": held}
        raise Rejected(NO_SUCH_URL)

    def close(self) -> None:
        self.closing.set()
        self.outbox.put(None)
