"""What may be started: every rule at its boundary, and the row that is changed on condition of what was read."""

import pytest

from shared import clock
from shared.errors import ApiError, Conflict, LimitReached, ServiceUnavailable, WalletBlocked
from shared.payments import starts
from shared.payments.apply import apply_attempt
from shared.payments.create import add_balance
from shared.payments.models import StartCount
from shared.payments.starts import (
    DAY_US,
    HOUR_US,
    OPEN_US,
    OpenPayment,
    Period,
    Rule,
    StartLimits,
    Usage,
    count_failure,
    free,
    read_counts,
    read_usage,
    refuse,
    refusing_rule,
    rules,
    start,
)
from shared.wallets import ledger
from shared.wallets.models import Entry, append
from shared.wallets.wallet import get_wallet, open_wallet
from tests.unit.conftest import an_attempt
from tests.unit.payments.support import ASHA, BILAL, TOP_UP, credited, forward, top_up

LIMITS = StartLimits(wallet_paise=100_000, open_payments=3, starts_per_hour=5, failures_per_day=2)
NOW_US = 1_800_000_000_000_000
HALF_AN_HOUR_S = OPEN_US // 1_000_000


def opened(*amounts_paise: int) -> tuple[OpenPayment, ...]:
    return tuple(OpenPayment(str(number), paise, NOW_US + number) for number, paise in enumerate(amounts_paise))


def started_times(number: int, adds_paise: int = 1, customer: str = ASHA) -> None:
    for index in range(number):
        start(customer, f"payment-{index}", adds_paise)


def usage_of(customer: str = ASHA) -> Usage:
    return read_usage(customer, read_counts(customer))


def refused(name: str, customer: str = ASHA, adds_paise: int = 1) -> LimitReached:
    with pytest.raises(ApiError) as error:
        start(customer, "one-more", adds_paise)
    assert error.value.code == name and isinstance(error.value, LimitReached)
    return error.value


# --- the rules


@pytest.mark.parametrize(
    ("usage", "adds_paise", "name"),
    [
        (Usage(wallet_paise=60_000, open=opened(30_000)), 10_000, None),
        (Usage(wallet_paise=60_000, open=opened(30_000)), 10_001, "wallet_limit"),
        (Usage(wallet_paise=100_001), 0, None),
        (Usage(open=opened(0, 0)), 1, None),
        (Usage(open=opened(0, 0, 0)), 1, "open_payments"),
        (Usage(open=opened(0, 0, 0)), 0, "open_payments"),
        (Usage(starts=Period(NOW_US, 4, NOW_US + HOUR_US)), 1, None),
        (Usage(starts=Period(NOW_US, 5, NOW_US + HOUR_US)), 1, "starts_per_hour"),
        (Usage(failures=Period(NOW_US, 1, NOW_US + DAY_US)), 1, None),
        (Usage(failures=Period(NOW_US, 2, NOW_US + DAY_US)), 0, "failures_per_day"),
        (Usage(wallet_paise=100_000, open=opened(0, 0, 0)), 1, "wallet_limit"),
    ],
)
def test_rule_refuses_beyond_its_boundary(usage: Usage, adds_paise: int, name: str | None) -> None:
    rule = refusing_rule(usage, LIMITS, adds_paise)
    assert (rule.name if rule else None) == name


def test_repeated_start_meets_no_counting_rule() -> None:
    """Its key was used a moment ago, and its start was counted then."""
    usage = Usage(starts=Period(NOW_US, 5, NOW_US + HOUR_US), failures=Period(NOW_US, 2, NOW_US + DAY_US))
    assert refusing_rule(usage, LIMITS, 100_000, is_new=False) is None
    over_limit = refusing_rule(usage, LIMITS, 100_001, is_new=False)
    assert over_limit and over_limit.name == "wallet_limit"


def test_rules_say_what_is_used_and_when_it_resets() -> None:
    usage = Usage(40_000, open=opened(10_000, 20_000), starts=Period(NOW_US, 2, NOW_US + HOUR_US))
    assert rules(usage, LIMITS) == (
        Rule("wallet_limit", 70_000, 100_000, None),
        Rule("open_payments", 2, 3, NOW_US),
        Rule("starts_per_hour", 2, 5, NOW_US + HOUR_US),
        Rule("failures_per_day", 0, 2, None),
    )


def test_refusal_names_its_rule_and_whole_seconds_to_wait() -> None:
    with pytest.raises(LimitReached) as reached:
        refuse(Rule("open_payments", 3, 3, NOW_US + 1_000_001), NOW_US)
    assert (reached.value.status, reached.value.code, reached.value.retry_after_s) == (429, "open_payments", 2)
    assert reached.value.body["code"] == "open_payments"
    with pytest.raises(Conflict, match="the wallet limit of 50000.00") as conflict:
        refuse(Rule("wallet_limit", 0, 5_000_000, None), NOW_US)
    assert conflict.value.code == "wallet_limit"


def test_period_ends_a_length_after_its_first_event() -> None:
    period = Period().after_one_more(NOW_US, HOUR_US).after_one_more(NOW_US + HOUR_US - 1, HOUR_US)
    assert period == Period(NOW_US, 2, NOW_US + HOUR_US)
    assert period.at(NOW_US + HOUR_US) == Period()
    assert period.after_one_more(NOW_US + HOUR_US, HOUR_US).count == 1


# --- the row


def test_eleventh_open_payment_waits_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    started_times(10)
    assert HALF_AN_HOUR_S - 60 <= refused("open_payments").retry_after_s <= HALF_AN_HOUR_S  # type: ignore[operator]
    start(BILAL, "payment-0", 1)
    forward(HALF_AN_HOUR_S + 60, monkeypatch)
    start(ASHA, "one-more", 1)
    assert [payment.id for payment in usage_of().open] == ["one-more"]


def test_sixty_first_start_waits_until_the_hour_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(60):
        start(ASHA, f"payment-{index}", 1)
        free(ASHA, f"payment-{index}")
    assert 3_540 <= refused("starts_per_hour").retry_after_s <= 3_600  # type: ignore[operator]
    forward(3_601, monkeypatch)
    start(ASHA, "one-more", 1)
    assert usage_of().starts.count == 1


def test_twentieth_failure_ends_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(19):
        count_failure(ASHA, "payment_failed")
    start(ASHA, "payment", 1)
    count_failure(ASHA, "payment_failed")
    assert 86_340 <= refused("failures_per_day").retry_after_s <= 86_400  # type: ignore[operator]
    forward(86_401, monkeypatch)
    start(ASHA, "another", 1)


def test_outage_counts_no_failure() -> None:
    count_failure(ASHA, "gateway_technical_error")
    count_failure(ASHA, "bank_not_available")
    assert read_counts(ASHA) == {}


def test_refused_start_writes_nothing() -> None:
    started_times(10)
    before = read_counts(ASHA)["starts"].revision
    refused("open_payments")
    with pytest.raises(Conflict):
        start(ASHA, "one-more", 20_000_001)
    assert read_counts(ASHA)["starts"].revision == before


def test_dry_start_writes_nothing() -> None:
    start(ASHA, "payment", 1, dry=True)
    assert read_counts(ASHA) == {}
    with pytest.raises(Conflict):
        start(ASHA, "payment", 20_000_001, dry=True)


def test_freed_payment_still_counts_as_a_start() -> None:
    started_times(2)
    free(ASHA, "payment-0")
    usage = usage_of()
    assert [payment.id for payment in usage.open] == ["payment-1"] and usage.starts.count == 2


def test_payment_that_two_requests_started_stays_open() -> None:
    """The refusal of one says nothing about the other. The larger of both amounts counts."""
    start(ASHA, "payment", 500)
    start(ASHA, "payment", 300)
    free(ASHA, "payment")
    usage = usage_of()
    assert [(payment.adds_paise, payment.tries) for payment in usage.open] == [(500, 2)]
    assert usage.starts.count == 1


def test_freeing_what_is_not_open_writes_nothing() -> None:
    free(ASHA, "payment")
    assert read_counts(ASHA) == {}


@pytest.mark.parametrize(("status", "is_open"), [("authorized", True), ("failed", False), ("captured", False)])
def test_payment_is_open_until_it_ends(status: str, is_open: bool) -> None:
    payment = top_up()
    start(ASHA, payment.id, 50_000)
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, status=status), "test")
    assert [one.id for one in usage_of().open] == [payment.id] * is_open


def test_wallet_is_read_after_the_open_payments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise money that arrives in between would be missed in both."""
    payment = top_up()
    start(ASHA, payment.id, 50_000)

    def read_wallet(customer: str) -> Entry:
        """The payment is captured before the wallet is read."""
        apply_attempt(payment, an_attempt(payment.gateway_order, 50_000), "test")
        return get_wallet(customer)

    usage = read_usage(ASHA, read_counts(ASHA), read_wallet)
    assert [one.id for one in usage.open] == [payment.id] and usage.wallet_paise == 50_000


def test_held_money_counts_in_the_wallet_limit() -> None:
    credited(amount_paise=15_000_000)
    head = get_wallet(ASHA)
    assert append(ledger.next_entry(head, ledger.HOLD, "refund", 15_000_000, ledger.by_payment("payment"))) == []
    start(ASHA, "exact", 5_000_000)
    with pytest.raises(Conflict):
        start(ASHA, "beyond", 1)


def test_blocked_wallet_refuses_top_ups_alone() -> None:
    credited()
    assert append(ledger.next_entry(get_wallet(ASHA), ledger.BLOCK, "", 0, ledger.by_staff("record"))) == []
    for dry in (True, False):
        with pytest.raises(WalletBlocked):
            start(ASHA, "top-up", 1, dry)
    start(ASHA, "payment", 0)


def test_starts_in_parallel_count_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slower one fails its condition, reads again, and finds what the faster one opened."""

    def lose_the_race(customer: str) -> Entry:
        monkeypatch.setattr(starts, "open_wallet", open_wallet)
        start(ASHA, "faster", 15_000_000)
        return open_wallet(customer)

    monkeypatch.setattr(starts, "open_wallet", lose_the_race)
    with pytest.raises(Conflict) as conflict:
        start(ASHA, "slower", 10_000_000)
    assert conflict.value.code == "wallet_limit"
    assert [payment.id for payment in usage_of().open] == ["faster"]


def test_count_that_cannot_be_written_hides_no_error_of_the_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise ServiceUnavailable

    monkeypatch.setattr(starts, "get", fail)
    count_failure(ASHA, "payment_failed")
    free(ASHA, "payment")


def test_rows_are_no_payments() -> None:
    """They have no key of an index of payments, so no list of payments has them."""
    start(ASHA, "payment", 1)
    row = read_counts(ASHA)["starts"]
    assert isinstance(row, StartCount) and set(row.attribute_values) == {
        "customer",
        "id",
        "revision",
        "since_us",
        "ends_us",
        "counted",
        "payments",
    }
    assert clock.now_us() < row.ends_us
    assert add_balance(ASHA, None, TOP_UP, None).payment.status == "created"
