"""What the stateful model of wallets expects: wallets in integers, and what each report and refund makes of them."""

from typing import Any

from tests.simulation.invariants.check import paise, refund_rows
from tests.simulation.stateful import Model
from tests.simulation.wallet_model import WalletModel
from tests.simulation.world import Customer, Reply

OPEN = ("requested", "sending", "pending")
# What of a refund's stored status Razorpay must have said. What is only sent may be anything.
JUSTIFIED_BY = {"pending": ("pending", "processed", "failed"), "processed": ("processed",), "failed": ("failed",)}


class WalletOracle(Model):
    """`wallets` is what each customer's wallet must be, `refunds` what each refund has done to it so far."""

    def __init__(self) -> None:
        super().__init__()
        self.wallets = {customer.id: WalletModel() for customer in self.customers}
        self.payments: list[dict[str, Any]] = []  # those through Razorpay, as first serialized
        self.paid: dict[str, dict[str, Any]] = {}  # the fields of checkout, by order
        self.credited: dict[str, int] = {}  # paise by payment, those from the wallet too
        self.spends: list[tuple[Customer, dict[str, Any], str, Reply]] = []
        self.asked: list[tuple[str, dict[str, Any], str, Reply]] = []  # refunds: the path, body, key and first reply
        self.refunds: dict[str, dict[str, Any]] = {}  # by our id: their payment, status and counted paise
        self.reported: dict[str, set[str]] = {}  # the statuses that each refund of Razorpay's ever had

    def _payment(self, order: str) -> dict[str, Any]:
        return next(payment for payment in self.payments if payment["gateway_order_id"] == order)

    def _attempt_statuses(self, payment: dict[str, Any]) -> set[str]:
        """Razorpay's statuses of all attempts to pay."""
        attempts = self.world.razorpay.payments.values()
        order = payment["gateway_order_id"]
        return {str(attempt["status"]) for attempt in attempts if attempt["order_id"] == order}

    def _credit_if(self, payment: dict[str, Any], captured: bool) -> None:
        """The first report of a capture, and only the first, credits a top-up with what arrived without the fee."""
        if captured and payment["id"] not in self.credited:
            row = self.world.payment_row(payment["id"])
            attempt = self.world.razorpay.payments[row["gateway_payment"]]
            fee = attempt["fee"] if attempt.get("fee_bearer") == "customer" else 0
            arrived = attempt["amount"] - fee
            assert arrived == paise(payment["amount"]) or attempt.get("offer_id")
            self.credited[payment["id"]] = arrived
            if payment["purpose"] == "top_up":
                self.wallets[payment["customer"].id].credit(arrived)

    def _counted(self, payment_id: str, *statuses: str) -> int:
        refunds = [refund for refund in self.refunds.values() if refund["payment"] == payment_id]
        return sum(refund["counted"] for refund in refunds if refund["status"] in statuses)

    def _left_paise(self, payment_id: str) -> int:
        """What of a payment can still be refunded."""
        return max(0, self.credited[payment_id] - self._counted(payment_id, *OPEN, "processed"))

    def _note_reports(self) -> None:
        for refund in self.world.razorpay.refunds.values():
            self.reported.setdefault(refund["id"], set()).add(refund["status"])

    def _must_know(self, payment: dict[str, Any]) -> None:
        """Whoever asked about a credited payment without a fault knows each of its refunds as Razorpay does."""
        row = self.world.payment_row(payment["id"])
        known = {other.get("gateway_refund"): other["status"] for other in refund_rows(self.world)}
        for refund in self.world.razorpay.refunds.values():
            if refund["payment_id"] == row.get("gateway_payment") and refund["status"] != "failed":
                assert known.get(refund["id"]) in ("pending", "processed")

    def _follow_reconciler(self) -> None:
        """The reconciler takes payments and refunds in an order of its own, which their entries tell."""
        for payment in sorted(self.payments, key=lambda payment: self._place(f"p:{payment['id']}")):
            place = self._place(f"p:{payment['id']}")
            self._follow_refunds(place)
            money = {"captured", "refunded"} & self._attempt_statuses(payment)
            self._credit_if(payment, "gateway_payment" in self.world.payment_row(payment["id"]) and bool(money))
        self._follow_refunds()

    def _place(self, by: str) -> int:
        """Where in its wallet a record's newest entry is."""
        return max((int(row["seq"]) for row in self.world.rows("WalletEntriesTable") if row["by"] == by), default=-1)

    def _follow_refunds(self, before_place: int = 10**9) -> None:
        """Bring the model's refunds to the stored statuses, which Razorpay must have reported."""
        rows = {f"r:{row['payment']}/{row['id']}": row for row in refund_rows(self.world)}
        for by in sorted(rows, key=self._place):
            row = rows[by]
            if self._place(by) < before_place and row["payment"] in self.credited:
                self._follow(row)

    def _follow(self, row: dict[str, Any]) -> None:
        model = self.refunds.setdefault(row["id"], {"payment": row["payment"], "status": "", "counted": 0})
        if row["status"] == model["status"] or row["destination"] == "wallet":
            return
        reported = self.reported.get(row.get("gateway_refund", ""), set())
        if row["status"] == "returned":
            assert "processed" in reported and "failed" in reported
            self._become(row, model, "processed")
        else:
            assert set(JUSTIFIED_BY.get(row["status"], ())) & reported or row["status"] in ("requested", "sending"), (
                row
            )
        self._become(row, model, row["status"])

    def _become(self, row: dict[str, Any], model: dict[str, Any], status: str) -> None:
        """What the refund's new status makes of the wallet."""
        if model["status"] == status:
            return
        name, payment_id = row["id"], row["payment"]
        is_top_up = self.world.payment_row(payment_id)["purpose"] == "top_up"
        wallet = self.wallets[row["customer"]] if is_top_up else WalletModel()
        left = self.credited[payment_id] - self._counted(payment_id, "processed")
        if status in ("pending", "processed"):
            model["counted"] = min(row["amount_paise"], left)
        match status:
            case "pending" if not model["status"]:
                wallet.hold(name, model["counted"])
            case "processed":
                wallet.take(name, model["counted"], left) if is_top_up else None
            case "failed":
                wallet.release(name, left)
            case "returned" if is_top_up:
                wallet.take_back(name, model["counted"])
        model["status"] = status
