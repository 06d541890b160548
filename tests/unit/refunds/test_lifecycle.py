"""A refund's statuses as tables, and its times."""

from datetime import UTC, datetime
from typing import get_args

from shared.refunds import lifecycle
from shared.refunds.serializers import RefundStatus


def test_every_status_is_in_the_api_document() -> None:
    assert set(get_args(RefundStatus.__value__)) == set(lifecycle.TRANSITIONS) - {lifecycle.NEW}


def test_only_a_requested_refund_can_be_cancelled() -> None:
    assert [before for before, after in lifecycle.TRANSITIONS.items() if "cancelled" in after] == ["requested"]


def test_open_statuses_are_those_that_can_still_end() -> None:
    assert [status for status, after in lifecycle.TRANSITIONS.items() if "failed" in after] == [
        lifecycle.NEW,
        *lifecycle.OPEN_STATUSES,
    ]


def test_bank_has_seven_working_days() -> None:
    friday = datetime(2026, 1, 9, 12, 0, tzinfo=UTC)
    expected_by = lifecycle.expected_by_us(int(friday.timestamp()) * 1_000_000)
    assert datetime.fromtimestamp(expected_by / 1_000_000, UTC) == datetime(2026, 1, 20, 12, 0, tzinfo=UTC)


def test_pauses_grow_to_an_hour_and_to_a_day() -> None:
    def pauses_s(status: str) -> list[int]:
        return [lifecycle.next_check_us(0, status, checks) // 1_000_000 for checks in range(6)]

    assert pauses_s("sending") == pauses_s("requested") == [60, 120, 300, 900, 3_600, 3_600]
    assert pauses_s("pending") == [60, 120, 300, 900, 86_400, 86_400]
