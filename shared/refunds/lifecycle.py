"""A refund's statuses, what each may change to, and when the reconciler asks about it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

SOURCE, WALLET = "source", "wallet"  # destinations: back to where the money came from, or into the wallet
DESTINATIONS = (SOURCE, WALLET)
CUSTOMER, GATEWAY = "customer", "gateway"  # who asked, beside `staff:<id>`; GATEWAY: it was made at Razorpay

STAFF = "staff:"  # before an id

NEW = ""  # not stored yet
# The statuses that each status may change to. Any other report changes nothing.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    NEW: ("requested", "pending", "processed", "failed"),
    "requested": ("sending", "pending", "processed", "failed", "cancelled"),
    "sending": ("requested", "pending", "processed", "failed"),  # requested: Razorpay's account is too poor for now
    "pending": ("processed", "failed"),
    "processed": ("returned",),
    "failed": (),
    "cancelled": (),
    "returned": (),
}
OPEN_STATUSES = ("requested", "sending", "pending")  # the reconciler follows these

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
# Pauses before the reconciler's next question, by the number of those before.
CHECK_PAUSES_S = (MINUTE_S, 2 * MINUTE_S, 5 * MINUTE_S, 15 * MINUTE_S)
LATER_PAUSE_S = {"requested": HOUR_S, "sending": HOUR_S, "pending": DAY_S}
REVIEW_AFTER_CHECKS = 10  # a refund that is still pending then needs a person
POOR_S_MAX = DAY_S  # for which a refund waits for Razorpay's account to be funded
RESEND_AFTER_S = MINUTE_S  # Razorpay has answered or dropped a request by then
BANK_WORKING_DAYS = 7  # in which a bank credits a refund, says Razorpay


def source_of(asked_by: str) -> str:
    """The source, in timelines, of what happens while somebody asks for a refund."""
    return "staff" if asked_by.startswith(STAFF) else "app"


def status_after(before: str, reported: str) -> str | None:
    """The status that Razorpay's report makes of a refund, None if it says nothing new.

    Money that was on its way to the customer and failed comes back: the refund is then `returned`.
    """
    status = "returned" if (before, reported) == ("processed", "failed") else reported
    return status if status in TRANSITIONS[before] else None


def next_check_us(at_us: int, status: str, checks: int) -> int:
    """When to ask about a refund, `checks` questions after it took this status."""
    pause_s = CHECK_PAUSES_S[checks] if checks < len(CHECK_PAUSES_S) else LATER_PAUSE_S[status]
    return at_us + pause_s * 1_000_000


def expected_by_us(at_us: int) -> int:
    """When a bank should have credited a refund that Razorpay took at this time. Holidays are not counted."""
    day, working_days = datetime.fromtimestamp(at_us // 1_000_000, UTC), 0
    while working_days < BANK_WORKING_DAYS:
        day += timedelta(days=1)
        working_days += day.weekday() < 5
    return int(day.timestamp()) * 1_000_000
