"""A payment's statuses, what each may change to, its timeline, and when the reconciler asks about it."""

from collections.abc import Mapping

from shared import clock

TOP_UP, PAYMENT = "top_up", "payment"  # purposes
UNKNOWN = "unknown"  # the purpose of money that arrived on an order of ours without a payment
GATEWAY, WALLET = "gateway", "wallet"  # sources

# The statuses that each status may change to. Any other report changes nothing.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "created": ("authorized", "captured", "failed", "expired"),
    "failed": ("authorized", "captured"),  # banks authorize late
    "expired": ("authorized", "captured"),
    "authorized": ("captured", "refunded"),  # refunded by Razorpay without a capture: no entry
    "captured": ("partially_refunded", "refunded"),
    "partially_refunded": ("captured", "partially_refunded", "refunded"),  # back, if a refund is returned
    "refunded": ("captured", "partially_refunded"),  # or by another attempt, if the refunded one was never captured
}
PAID_STATUSES = ("captured", "partially_refunded", "refunded")  # see `Payment.is_paid`
PAYABLE_STATUSES = ("created", "failed", "expired")  # a Razorpay order never expires
PENDING_STATUSES = ("created", "authorized")  # the app should ask again

# Ages at which the reconciler asks about a payment that has not ended: minutes, then daily for five days.
CHECK_AGES_S = (60, 120, 300, 900, 3_600, *(day * 86_400 for day in range(1, 6)))
EXPIRED_AFTER_CHECKS = 5
NOT_SAVED_AFTER_CHECKS = 4  # a card's token follows its payment within the hour, or not at all


def statuses_before(status: str) -> tuple[str, ...]:
    """The statuses that may change to this one."""
    return tuple(before for before, after in TRANSITIONS.items() if status in after)


def first_check_us(at_us: int) -> int:
    """When the reconciler first asks about something that happened at this time."""
    return at_us + CHECK_AGES_S[0] * 1_000_000


def timeline_item(at_us: int, source: str, what: str, reference: str = "") -> str:
    """`2026-01-09T12:04:10Z payment.captured captured evt_RB58`: when, who reported it, what, and by which event."""
    return f"{clock.iso(at_us)} {source} {what} {reference}".strip()
