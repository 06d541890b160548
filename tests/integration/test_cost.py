"""What a top-up consumes, metered on the handlers: a change that makes it dearer is seen here."""

from collections.abc import Iterator

import pytest

from local.cost import (
    SHIPPED_FORMATS,
    TUTORIAL_TOP_UP,
    Bench,
    Units,
    bench,
    index_units,
    photo,
    read_units,
    size,
    top_up,
)
from tests import pictures


@pytest.fixture(scope="module")
def running() -> Iterator[Bench]:
    with bench() as one:
        yield one


@pytest.fixture(scope="module")
def steps(running: Bench) -> dict[str, Units]:
    top_up(running)
    running.steps.clear()
    top_up(running)
    return dict(running.steps)


def test_a_top_up_writes_its_payment_and_its_entry_with_their_indexes_and_its_repeats_write_nothing(
    steps: dict[str, Units],
) -> None:
    written = {step: units.write_units for step, units in steps.items() if units.write_units}
    # The payment and three indexes; then two items in a transaction, 2 each, and the index of open payments.
    assert written == {"add-money": 4, "verify": 5}


def test_a_top_up_reads_little(steps: dict[str, Units]) -> None:
    read = {step: units.read_units for step, units in steps.items()}
    assert read["webhook"] == 1.5, "a repeat is one look into an index, and the payment as it stands"
    assert (read["add-money"], read["verify"]) == (1, 2)
    assert read["transactions"] == 1.5, "the newest entry, and the page, of which an old view is as good"
    assert read["audit the entry"] == 0.5


def test_a_request_logs_less_than_a_kilobyte(steps: dict[str, Units]) -> None:
    assert max(units.log_bytes for units in steps.values()) < 1_024


def test_the_tutorial_writes_more_and_logs_more(steps: dict[str, Units]) -> None:
    assert sum(units.write_units for units in steps.values()) <= 0.6 * TUTORIAL_TOP_UP.write_units
    assert sum(units.log_bytes for units in steps.values()) <= 0.3 * TUTORIAL_TOP_UP.log_bytes


def photo_steps(running: Bench, formats: str) -> dict[str, Units]:
    running.steps.clear()
    photo(running, pictures.phone_photo(640, 480, orientation=1), formats)
    return dict(running.steps)


@pytest.mark.parametrize("formats, variants", [("jpeg", 2), (SHIPPED_FORMATS, 4)])
def test_a_photo_is_fetched_once_and_stored_once_a_variant(formats: str, variants: int, running: Bench) -> None:
    units = photo_steps(running, formats)["compress"]
    assert units.get == 1
    assert units.put == 1 + 1 + variants, "the upload, a look at its versions, and the variants"


def test_a_photo_writes_its_row_once_a_stage_and_its_indexes_at_both_ends(running: Bench) -> None:
    written = {step: units.write_units for step, units in photo_steps(running, SHIPPED_FORMATS).items()}
    # The row that counts tickets, the photo's and its two indexes; the claim, storing, and the end with an index.
    assert {step: units for step, units in written.items() if units} == {"ticket": 4, "compress": 4}


def test_an_item_is_sized_as_dynamodb_counts() -> None:
    assert size({"id": {"S": "abc"}, "n": {"N": "1234"}, "m": {"M": {"a": {"S": "b"}}}}) == 2 + 3 + 1 + 3 + 1 + 6
    assert size({"naïve": {"S": "₹"}}) == 6 + 3


def test_a_batch_is_read_item_by_item_and_a_query_as_a_whole() -> None:
    items = [{"id": {"S": "a" * 1_000}}, {"id": {"S": "b" * 5_000}}]
    assert read_units({"ConsistentRead": True}, {"Items": items}) == 2
    batch = {"RequestItems": {"payments": {"Keys": [], "ConsistentRead": True}}}
    assert read_units(batch, {"Responses": {"payments": items}}) == 1 + 2
    assert read_units({}, {}) == 0.5


INDEX = {
    "KeySchema": [{"AttributeName": "open"}],
    "schema": [{"AttributeName": "id"}],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}


def test_an_index_is_written_only_when_what_it_holds_changes() -> None:
    item = {"id": {"S": "a"}, "status": {"S": "created"}}
    assert index_units(INDEX, {}, item) == 0, "sparse"
    assert index_units(INDEX, {}, item | {"open": {"S": "1"}}) == 1
    assert index_units(INDEX, item | {"open": {"S": "1"}}, item) == 1
    assert index_units(INDEX, item | {"open": {"S": "1"}}, item | {"open": {"S": "2"}}) == 2
    before, changed = item | {"open": {"S": "1"}}, item | {"open": {"S": "1"}, "status": {"S": "paid"}}
    assert index_units(INDEX, before, changed) == 0
    holding = INDEX | {"Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["status"]}}
    assert index_units(holding, before, changed) == 1
    assert index_units(holding, before, before | {"amount": {"N": "1"}}) == 0
