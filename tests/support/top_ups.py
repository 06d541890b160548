"""Top-ups and payments from the wallet, for tests that call the rules in their own process."""

from shared.payments.models import Payment
from shared.razorpay.entities import GatewayPayment

TOP_UP = {"amount": 50_000, "description": ""}
SPEND = {
    "amount": 50_000,
    "source": "wallet",
    "payment_method": None,
    "reference": "",
    "description": "",
    "contact": "",
}


def captured_attempt(payment: Payment, id: str = "pay_00000000000001") -> GatewayPayment:
    return GatewayPayment(id, str(payment.gateway_order), 50_000, "INR", "captured", True, "upi", "")
