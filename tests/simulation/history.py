"""The state of one history: what was started, paid, sent and uploaded so far, and its log."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.world import Customer, Reply, Request, World

Act = Callable[[], Reply | None]


@dataclass
class History:
    """One seed's history so far."""

    world: World
    customers: list[Customer]
    waits_for_last_check: bool  # at the end, until the reconciler's last check of the last payment
    redelivers_events: bool  # at the end, all of them in another order
    started: list[dict[str, Any]] = field(default_factory=list)  # payments as first serialized
    paid: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)  # with the fields of checkout
    sent: list[Request] = field(default_factory=list)
    unanswered: list[Request] = field(default_factory=list)  # without a definite reply yet
    lost_events: set[str] = field(default_factory=set)  # never delivered
    uploads: list[dict[str, Any]] = field(default_factory=list)  # as serialized when created
    lost_uploads: set[str] = field(default_factory=set)  # keys that S3 never reports
    deleted_uploads: set[str] = field(default_factory=set)  # keys that existed when their photo was deleted
    late_uploads: set[str] = field(default_factory=set)  # keys that got an object after their photo's row was removed
    latest_us: int = 0  # by S3's clock, which does not go back with the machine's
    lines: list[str] = field(default_factory=list)

    def log(self, text: str) -> None:
        self.lines.append(f"{self.world.clock_us // 1_000} {text}")

    def send(self, request: Request) -> Reply:
        """Send a request, and remember what follows from its reply."""
        reply = self.world.send(request)
        asked = f"{request.method} {request.path} {request.body} {request.key}"
        self.log(f"{request.customer.name[-1]} {asked}: {reply.status}")
        if request.key and not reply.is_definite and request not in self.unanswered:
            self.unanswered.append(request)
        if reply.is_definite and request in self.unanswered:
            self.unanswered.remove(request)
        if reply.status == 201 and "purpose" in reply.body:
            self.started.append(reply.body | {"customer": request.customer})
        return reply

    def methods_of(self, customer: Customer) -> list[str]:
        """The ids of the customer's payment methods, deleted ones too."""
        rows = self.world.rows("PaymentMethodsTable")
        return [row["id"] for row in rows if row["customer"] == customer.id and row.get("type")]
