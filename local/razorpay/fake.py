"""A fake Razorpay for the real SDK to talk to: its API, and the control of what its customers and banks do.

It answers in Razorpay's words and signs as Razorpay signs. `control` pays as a customer would, and duplicates,
delays, reorders, tampers with or loses what Razorpay sends.
"""

from typing import Any

from local.razorpay import api, control, faults, shopper
from local.razorpay.responses import Rejected, Response, json_response
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
            faults.fail_after(fault, headers.get("x-refund-idempotency", ""))
        return response

    def pay(self, order_id: str, method: str, outcome: str, **choice: Any) -> dict[str, Any]:
        """Pay an order in checkout; `choice` has keys of `shopper.CHOICES`."""
        with self.lock:
            return shopper.pay(self, order_id, method, outcome, choice)

    def control(self, action: str, sent: Any) -> Any:
        """`POST /_control/<action>` for tests and for people who try things out."""
        return control.control(self, action, sent)

    def close(self) -> None:
        self.closing.set()
        self.outbox.put(None)
