"""What a customer may start: the wallet limit, payments open at once, starts per hour and failures per day.

Starting is limited, capturing is not: money that has arrived is always credited. The row `starts` lists what is open
and counts the starts. It changes only on condition of what was read, so starts in parallel count each other. Nothing
but a start tidies it: a payment that was captured, failed or expired since then is no longer open.

A payment from the wallet moves money that is there already. It opens nothing, and no rule here limits it.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, NoReturn

from shared import clock
from shared.aws.dynamodb import Update, execute, get, get_each, retrying
from shared.errors import Conflict, LimitReached, ServiceUnavailable, WalletBlocked
from shared.money import rupees
from shared.payments.lifecycle import PENDING_STATUSES
from shared.payments.models import StartCount, get_payments
from shared.settings import settings
from shared.wallets.wallet import get_wallet, open_wallet

SECOND_US = 1_000_000
OPEN_US, HOUR_US, DAY_US = 1_800 * SECOND_US, 3_600 * SECOND_US, 86_400 * SECOND_US
STARTS, FAILURES = "starts", "failures"  # ids of the two rows
WALLET_LIMIT, OPEN_PAYMENTS = "wallet_limit", "open_payments"
STARTS_PER_HOUR, FAILURES_PER_DAY = "starts_per_hour", "failures_per_day"

TEXTS: Mapping[str, str] = {
    OPEN_PAYMENTS: "Too many payments are open at once.",
    STARTS_PER_HOUR: "Too many payments were started within an hour.",
    FAILURES_PER_DAY: "Too many payments failed within a day.",
}
# Razorpay's reasons for failures that are an outage, at Razorpay or at a bank. They do not count against a customer.
OUTAGES = frozenset(
    {
        "bank_cutoff_in_progress",
        "bank_not_available",
        "bank_technical_error",
        "gateway_technical_error",
        "invalid_response_from_gateway",
        "issuer_technical_error",
        "payment_declined_due_to_high_traffic",
        "psp_not_available",
        "request_timed_out",
        "server_error",
        "upi_app_technical_error",
    }
)


class StartLimits(NamedTuple):
    wallet_paise: int
    open_payments: int
    starts_per_hour: int
    failures_per_day: int


class OpenPayment(NamedTuple):
    """A payment that was started. It counts as open until it ends, half an hour at most.

    `adds_paise` is what it may add to the wallet, 0 unless it is a top-up. `tries` counts the requests that started
    it: if the first request died, the next one starts it again under the same id.
    """

    id: str
    adds_paise: int
    until_us: int
    tries: int = 1


@dataclass(frozen=True, slots=True)  # a NamedTuple has a method `count`
class Period:
    """A count since its first event. Another period begins with the first event after its end."""

    since_us: int = 0
    count: int = 0
    ends_us: int = 0

    def at(self, now_us: int) -> "Period":
        return self if now_us < self.ends_us else Period()

    def after_one_more(self, now_us: int, length_us: int) -> "Period":
        period = self.at(now_us)
        if period.count:
            return replace(period, count=period.count + 1)
        return Period(now_us, 1, now_us + length_us)


class Usage(NamedTuple):
    """What the rules look at. `wallet_paise` is what the wallet has, held money included."""

    wallet_paise: int = 0
    is_blocked: bool = False
    open: tuple[OpenPayment, ...] = ()
    starts: Period = Period()
    failures: Period = Period()


class Rule(NamedTuple):
    name: str
    used: int
    limit: int
    resets_us: int | None  # when `used` falls by itself


def rules(usage: Usage, limits: StartLimits) -> tuple[Rule, ...]:
    """Every rule with what is used of it. The first that refuses a start is the one that is reported."""
    paise = usage.wallet_paise + sum(payment.adds_paise for payment in usage.open)
    next_closed_us = min((payment.until_us for payment in usage.open), default=None)
    return (
        Rule(WALLET_LIMIT, paise, limits.wallet_paise, None),
        Rule(OPEN_PAYMENTS, len(usage.open), limits.open_payments, next_closed_us),
        Rule(STARTS_PER_HOUR, usage.starts.count, limits.starts_per_hour, usage.starts.ends_us or None),
        Rule(FAILURES_PER_DAY, usage.failures.count, limits.failures_per_day, usage.failures.ends_us or None),
    )


def refusing_rule(usage: Usage, limits: StartLimits, adds_paise: int, is_new: bool = True) -> Rule | None:
    """The rule that refuses a start, if any. A repeated start, which is not `is_new`, does not count again."""
    added = {WALLET_LIMIT: adds_paise, OPEN_PAYMENTS: 1, STARTS_PER_HOUR: is_new, FAILURES_PER_DAY: is_new}
    for rule in rules(usage, limits):
        if added[rule.name] and rule.used + added[rule.name] > rule.limit:
            return rule
    return None


def refuse(rule: Rule, now_us: int) -> NoReturn:
    """Raise the error of a start that this rule refuses."""
    if rule.name == WALLET_LIMIT:
        text = f"This top-up would exceed the wallet limit of {rupees(rule.limit)}."
        raise Conflict(text, code="wallet_limit")
    wait_us = max(0, (rule.resets_us or now_us) - now_us)
    raise LimitReached(TEXTS[rule.name], rule.name, retry_after_s=-(-wait_us // SECOND_US) or 1)


def start_limits() -> StartLimits:
    values = settings()
    return StartLimits(
        values.wallet_balance_paise_max,
        values.open_payments_max,
        values.starts_per_hour_max,
        values.failures_per_day_max,
    )


# --- the rows


def start(customer: str, payment_id: str, adds_paise: int, dry: bool = False) -> None:
    """Record that this payment is being started, in one conditional write; or raise what refuses it.

    Only a top-up concerns the wallet, and opens it. A `dry` start only checks.
    """

    def try_start() -> bool | None:
        rows = read_counts(customer)
        usage = read_usage(customer, rows, None if not adds_paise else get_wallet if dry else open_wallet)
        now_us = clock.now_us()
        if usage.is_blocked:
            raise WalletBlocked
        earlier = next((payment for payment in usage.open if payment.id == payment_id), None)
        others = tuple(payment for payment in usage.open if payment.id != payment_id)
        usage = usage._replace(open=others)
        if rule := refusing_rule(usage, start_limits(), adds_paise, is_new=earlier is None):
            refuse(rule, now_us)
        if dry:
            return True
        open_payment = OpenPayment(payment_id, adds_paise, now_us + OPEN_US)
        if earlier:  # the key was used a moment ago, and perhaps with another amount
            most_paise = max(adds_paise, earlier.adds_paise)
            open_payment = open_payment._replace(adds_paise=most_paise, tries=earlier.tries + 1)
        starts = usage.starts if earlier else usage.starts.after_one_more(now_us, HOUR_US)
        return _write(customer, STARTS, rows.get(STARTS), starts, (*others, open_payment)) or None

    retrying(try_start)


def free(customer: str, payment_id: str) -> None:
    """Take a payment that could not be started out of what is open. It still counts as a start.

    A payment that two requests started stays: the other one may have succeeded. Where this fails, half an hour frees
    it.
    """

    def try_free() -> bool | None:
        row = get(StartCount, customer, STARTS)
        stored = _open_payments(row)
        left = tuple(payment for payment in stored if payment.id != payment_id or payment.tries > 1)
        return left == stored or _write(customer, STARTS, row, _period(row), left) or None

    with suppress(ServiceUnavailable):
        retrying(try_free)


def count_failure(customer: str, reason: str) -> None:
    """Count a failed attempt against its customer, unless an outage made it fail.

    The failure itself is recorded already, so a count that cannot be written is left out.
    """
    if reason in OUTAGES:
        return

    def try_count() -> bool | None:
        row, now_us = get(StartCount, customer, FAILURES), clock.now_us()
        return _write(customer, FAILURES, row, _period(row).after_one_more(now_us, DAY_US)) or None

    with suppress(ServiceUnavailable):
        retrying(try_count)


def read_counts(customer: str) -> dict[str, StartCount]:
    """The customer's rows, by id."""
    return {row.id: row for row in get_each(StartCount, customer, (STARTS, FAILURES))}


def read_usage(
    customer: str, rows: Mapping[str, StartCount], read_wallet: Callable[[str], Any] | None = None
) -> Usage:
    """What is open and counted now, and what the wallet has, if a function is given that reads its newest entry.

    The wallet is read last: money that arrives in between is counted twice, not missed.
    """
    now_us = clock.now_us()
    listed = [payment for payment in _open_payments(rows.get(STARTS)) if now_us < payment.until_us]
    statuses = {row.id: row.status for row in get_payments(customer, [payment.id for payment in listed])}
    # A payment without a row is being started, or its start died.
    still_open = (payment for payment in listed if statuses.get(payment.id, "created") in PENDING_STATUSES)
    starts, failures = (_period(rows.get(name)).at(now_us) for name in (STARTS, FAILURES))
    usage = Usage(open=tuple(still_open), starts=starts, failures=failures)
    if read_wallet is None:
        return usage
    head = read_wallet(customer)
    return usage._replace(wallet_paise=head.cash_paise + head.held_paise, is_blocked=head.is_blocked)


def _write(
    customer: str, name: str, row: StartCount | None, period: Period, payments: tuple[OpenPayment, ...] = ()
) -> bool:
    """Store the row if it is as it was read."""
    values: dict[str, Any] = {
        "since_us": period.since_us,
        "ends_us": period.ends_us,
        "counted": period.count,
        "payments": [
            {"id": payment.id, "adds": payment.adds_paise, "until": payment.until_us, "tries": payment.tries}
            for payment in payments
        ],
    }
    before = row.revision if row else None
    update = values | {"revision": (before or 0) + 1}
    row = row or StartCount(customer, name)
    return execute(Update(row, update, expect={"revision": before}, may_insert=True))


def _period(row: StartCount | None) -> Period:
    return Period(row.since_us, row.counted, row.ends_us) if row else Period()


def _open_payments(row: StartCount | None) -> tuple[OpenPayment, ...]:
    items = row.payments if row else []
    return tuple(OpenPayment(item["id"], int(item["adds"]), int(item["until"]), int(item["tries"])) for item in items)
