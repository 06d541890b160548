"""How much may be added to the wallet now, and which rule says so."""

import pytest

from shared.payments.limits import may_add, read_limits
from shared.payments.starts import DAY_US, HOUR_US, OpenPayment, Period, StartLimits, Usage, count_failure
from tests.unit.payments.support import ASHA, credited, top_up

LIMITS = StartLimits(wallet_paise=100_000, open_payments=2, starts_per_hour=5, failures_per_day=2)
OPEN = OpenPayment("payment", 30_000, 1)


@pytest.mark.parametrize(
    ("usage", "paise", "rule"),
    [
        (Usage(), 100_000, "wallet_limit"),
        (Usage(wallet_paise=60_000, open=(OPEN,)), 10_000, "wallet_limit"),
        (Usage(wallet_paise=99_900), 100, "wallet_limit"),
        (Usage(wallet_paise=99_901), 0, "wallet_limit"),  # less than the least top-up
        (Usage(wallet_paise=100_001), 0, "wallet_limit"),
        (Usage(open=(OPEN, OPEN)), 0, "open_payments"),
        (Usage(starts=Period(0, 5, HOUR_US)), 0, "starts_per_hour"),
        (Usage(failures=Period(0, 2, DAY_US)), 0, "failures_per_day"),
    ],
)
def test_smallest_allowance_names_its_rule(usage: Usage, paise: int, rule: str) -> None:
    assert may_add(usage, LIMITS) == (paise, rule)


def test_blocked_wallet_takes_nothing() -> None:
    assert may_add(Usage(is_blocked=True), LIMITS) == (0, "wallet_blocked")


def test_untouched_customer_may_add_the_whole_limit() -> None:
    body = read_limits(ASHA)
    assert (body["may_add"], body["rule"]) == ("200000.00", "wallet_limit")
    assert body["rules"] == [
        {"name": "wallet_limit", "used": "0.00", "limit": "200000.00", "resets_at": None},
        {"name": "open_payments", "used": 0, "limit": 10, "resets_at": None},
        {"name": "starts_per_hour", "used": 0, "limit": 60, "resets_at": None},
        {"name": "failures_per_day", "used": 0, "limit": 20, "resets_at": None},
    ]


def test_open_and_credited_money_count_once() -> None:
    credited(amount_paise=5_000_000)
    top_up(amount_paise=2_000_000)
    count_failure(ASHA, "payment_failed")
    body = read_limits(ASHA)
    assert body["may_add"] == "130000.00"
    assert [rule["used"] for rule in body["rules"]] == ["70000.00", 1, 2, 1]
    assert [rule["resets_at"] is None for rule in body["rules"]] == [True, False, False, False]
