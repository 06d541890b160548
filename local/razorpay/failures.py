"""Why a payment fails: Razorpay's reasons with the words that its error tables give them."""

from collections.abc import Mapping
from dataclasses import dataclass

from local.razorpay.responses import Rejected


@dataclass(frozen=True)
class Failure:
    """The error fields of a failed payment, but for the reason."""

    description: str
    source: str = "customer"
    step: str = "payment_authentication"
    code: str = "BAD_REQUEST_ERROR"


FAILURES: Mapping[str, Failure] = {
    "payment_failed": Failure("Payment was unsuccessful due to a temporary issue.", "gateway", "payment_response"),
    "payment_cancelled": Failure(
        "Your payment has been cancelled. Try again or complete the payment later.", "customer"
    ),
    "insufficient_funds": Failure(
        "Your payment could not be completed due to insufficient account balance. Try again with another account.",
        "customer",
        "payment_authorization",
    ),
    "incorrect_otp": Failure("Authentication failed due to incorrect otp"),
    "incorrect_cvv": Failure("Your payment could not be completed due to incorrect CVV. Try again."),
    "card_expired": Failure("Your payment could not be completed as the card has expired. Use another card."),
    "payment_timed_out": Failure("Your payment was not completed on time. Try again.", "customer"),
    "bank_technical_error": Failure(
        "Your payment could not be completed due to a temporary technical issue at your bank.",
        "bank",
        "payment_authorization",
        "GATEWAY_ERROR",
    ),
    "card_declined": Failure(
        "Your payment was declined by the bank that issued the card. Try another card.",
        "bank",
        "payment_authorization",
        "GATEWAY_ERROR",
    ),
    "transaction_daily_limit_exceeded": Failure(
        "Your payment exceeds the daily limit of your account. Try again tomorrow or with another account.",
        "customer",
        "payment_authorization",
    ),
}
DEFAULT = "payment_failed"


def failure_of(reason: str) -> Failure:
    if reason not in FAILURES:
        raise Rejected(f"unknown reason {reason!r}, known reasons: {', '.join(FAILURES)}", field="reason")
    return FAILURES[reason]
