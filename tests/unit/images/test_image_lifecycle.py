"""The table of transitions is the only way from one status to another."""

import pytest

from shared.images.lifecycle import (
    AWAITING_UPLOAD,
    DELETED,
    EXPIRED,
    PROCESSING,
    READY,
    REJECTED,
    TRANSITIONS,
    change_status,
)
from tests.unit.images.helpers import create_upload, get_row


def test_transitions_lead_only_forward() -> None:
    order = (AWAITING_UPLOAD, PROCESSING, READY, REJECTED, EXPIRED, DELETED)
    assert set(TRANSITIONS) == set(order)
    for before, allowed in TRANSITIONS.items():
        assert all(order.index(after) > order.index(before) for after in allowed)
        assert before == DELETED or DELETED in allowed


@pytest.mark.usefixtures("photos")
def test_status_changes_only_as_the_table_allows() -> None:
    for status in TRANSITIONS:
        for wanted in TRANSITIONS:
            image = get_row(create_upload()["id"])
            image.status = status
            image.save()
            is_allowed = wanted in TRANSITIONS[status]
            assert change_status(image, wanted) == is_allowed, (status, wanted)
            assert get_row(image.id).status == (wanted if is_allowed else status)
