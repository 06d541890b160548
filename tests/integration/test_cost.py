"""What top-ups, refunds and photos consume, metered on the real handlers: a change that costs more fails here."""

from collections.abc import Iterator

import pytest

from local.template import ROOT, Template
from tests.support import image_samples
from tools.cost import prices, report
from tools.cost.meter import index_write_units, item_bytes, read_units
from tools.cost.prices import TUTORIAL_PHOTO, TUTORIAL_TOP_UP, Usage, total
from tools.cost.scenarios import (
    SHIPPED_FORMATS,
    MeteredService,
    metered_service,
    photo,
    refund,
    start_without_limits,
    top_up,
)

# The shares of the tutorial's dollars that top-ups and photos have today, rounded up. A change that costs more needs
# a decision. The goals in tools/cost/report.py are lower.
TOP_UP_SHARE_MAX, PHOTO_SHARE_MAX = 0.613, 1.156


@pytest.fixture(scope="module")
def service() -> Iterator[MeteredService]:
    with metered_service() as running:
        yield running


@pytest.fixture(scope="module")
def steps(service: MeteredService) -> dict[str, Usage]:
    top_up(service)
    service.steps.clear()
    top_up(service)
    return dict(service.steps)


def test_top_up_writes_in_two_requests_only(steps: dict[str, Usage]) -> None:
    """The payment with its entry and their indexes; the webhook, which repeats what verify did, writes nothing."""
    written = {step: usage.write_units for step, usage in steps.items() if usage.write_units}
    # The row of starts, the payment and four indexes; then two items in a transaction, 2 each, and an index.
    assert written == {"add-money": 6, "verify": 5}


def test_top_up_reads_little(steps: dict[str, Usage]) -> None:
    read = {step: usage.read_units for step, usage in steps.items()}
    assert read["webhook"] == 1.5, "a repeat queries one index and reads the payment"
    # The counts of starts and of failures, the payment that was started before, and the wallet's newest entry.
    assert (read["add-money"], read["verify"]) == (4, 2)
    # The newest entry; the page, which may be read eventually consistently; and its payments in one batch.
    assert read["transactions"] == 1 + 0.5 + 1
    # The entry before, the payment, the top-up of the last minute, and once a batch of twelve the wallet's owner.
    assert read["audit the entry"] == pytest.approx(0.5 + 1 + 0.5 + 0.5 / 12)


def test_request_logs_less_than_a_kilobyte(steps: dict[str, Usage]) -> None:
    assert max(usage.log_bytes for usage in steps.values()) < 1_024


def test_tutorial_top_up_writes_and_logs_more(steps: dict[str, Usage]) -> None:
    assert sum(usage.write_units for usage in steps.values()) <= 0.6 * TUTORIAL_TOP_UP.write_units
    assert sum(usage.log_bytes for usage in steps.values()) <= 0.3 * TUTORIAL_TOP_UP.log_bytes


def test_top_up_keeps_its_share_of_the_tutorials_dollars(steps: dict[str, Usage]) -> None:
    """Compute apart, which no two runs measure alike. The goal of 0.60 is missed by what the limits cost."""
    ours, tutorial = (
        sum(dollars for kind, dollars in usage.dollars_per_million().items() if kind != "Lambda")
        for usage in (total(list(steps.items())), TUTORIAL_TOP_UP)
    )
    assert ours / tutorial <= TOP_UP_SHARE_MAX


def test_limits_add_one_write_and_four_reads(service: MeteredService, steps: dict[str, Usage]) -> None:
    added = steps["add-money"].minus(start_without_limits(service))
    assert (added.write_units, added.read_units, added.requests) == (1, 4, 0)


@pytest.fixture(scope="module")
def refund_steps(service: MeteredService) -> dict[str, Usage]:
    top_up(service)
    service.steps.clear()
    refund(service)
    return dict(service.steps)


def test_refund_writes_in_two_requests_only(refund_steps: dict[str, Usage]) -> None:
    """Staff's request and the webhook of the end; the webhook that repeats Razorpay's answer writes nothing."""
    written = {step: usage.write_units for step, usage in refund_steps.items() if usage.write_units}
    # Transactions write 2 units an item: refund, payment and hold; refund, payment and pointer; refund, payment and
    # capture. The claim to send is 1, and the index of open refunds 1 to enter, 2 to move, 1 to leave.
    assert written == {"staff's request": 6 + 1 + 1 + 6 + 2, "refund processed": 6 + 1}


def test_refund_reads_and_requests_little(refund_steps: dict[str, Usage]) -> None:
    """Staff's request also reads the payment's refunds, since all that staff gave back counts for FourEyesPaise."""
    assert sum(usage.requests for usage in refund_steps.values()) == 3
    read = {step: usage.read_units for step, usage in refund_steps.items()}
    assert (read["staff's request"], read["refund created"], read["refund processed"]) == (11.5, 5.5, 6.5)


def photo_steps(service: MeteredService, formats: str) -> dict[str, Usage]:
    service.steps.clear()
    photo(service, image_samples.phone_photo(640, 480, orientation=1), formats)
    return dict(service.steps)


@pytest.mark.parametrize("formats, variants", [("jpeg", 2), (SHIPPED_FORMATS, 4)])
def test_compressor_reads_once_and_stores_each_variant_once(
    formats: str, variants: int, service: MeteredService
) -> None:
    usage = photo_steps(service, formats)["compress"]
    assert usage.get == 1
    assert usage.put == 1 + 1 + variants, "the upload, the list of its versions, and the variants"


def test_photo_writes_its_row_once_per_status(service: MeteredService) -> None:
    """Its indexes are written only when the row is created and when it reaches its last status."""
    written = {step: usage.write_units for step, usage in photo_steps(service, SHIPPED_FORMATS).items()}
    # The row that counts uploads, the photo's row and its two indexes; the claim, storing, and the end with an index.
    assert {step: units for step, units in written.items() if units} == {"upload": 4, "compress": 4}


def test_photo_costs_a_sixth_more_than_the_tutorials_at_most(service: MeteredService) -> None:
    """As JPEG alone, without compute and storage, which depend on the photo."""
    ours, tutorial = (
        sum(dollars for kind, dollars in usage.dollars_per_million().items() if kind not in ("Lambda", "storage"))
        for usage in (total(list(photo_steps(service, "jpeg").items())), TUTORIAL_PHOTO)
    )
    assert ours / tutorial <= PHOTO_SHARE_MAX


def test_item_size_follows_dynamodb_rules() -> None:
    item = {"id": {"S": "abc"}, "n": {"N": "1234"}, "m": {"M": {"a": {"S": "b"}}}}
    assert item_bytes(item) == 2 + 3 + 1 + 3 + 1 + 6
    assert item_bytes({"naïve": {"S": "₹"}}) == 6 + 3


def test_batch_is_priced_per_item_and_query_as_a_whole() -> None:
    items = [{"id": {"S": "a" * 1_000}}, {"id": {"S": "b" * 5_000}}]
    assert read_units({"ConsistentRead": True}, {"Items": items}) == 2
    batch = {"RequestItems": {"payments": {"Keys": [{}, {}, {}], "ConsistentRead": True}}}
    assert read_units(batch, {"Responses": {"payments": items}}) == 1 + 2 + 1, "the third key has no item"
    assert read_units({}, {}) == 0.5


INDEX = {
    "KeySchema": [{"AttributeName": "open"}],
    "schema": [{"AttributeName": "id"}],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}


def test_index_is_written_only_if_its_projection_changes() -> None:
    item = {"id": {"S": "a"}, "status": {"S": "created"}}
    assert index_write_units(INDEX, {}, item) == 0, "a sparse index"
    assert index_write_units(INDEX, {}, item | {"open": {"S": "1"}}) == 1
    assert index_write_units(INDEX, item | {"open": {"S": "1"}}, item) == 1
    assert index_write_units(INDEX, item | {"open": {"S": "1"}}, item | {"open": {"S": "2"}}) == 2
    before, changed = item | {"open": {"S": "1"}}, item | {"open": {"S": "1"}, "status": {"S": "paid"}}
    assert index_write_units(INDEX, before, changed) == 0
    including = INDEX | {"Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["status"]}}
    assert index_write_units(including, before, changed) == 1
    assert index_write_units(including, before, before | {"amount": {"N": "1"}}) == 0


def test_alarms_are_billed_by_metric_and_the_web_acl_by_rule() -> None:
    monthly = prices.monthly(Template(), Template(ROOT / "observability.yaml"))
    assert monthly[prices.ALARM_METRICS][0] > 100 and monthly[prices.CUSTOM_METRICS][0] > 50
    assert monthly["AWS::WAFv2::WebACL"] == (1, 5.00) and monthly[prices.WAF_RULES] == (6, 6.00)
    assert (
        f"{monthly[prices.ALARM_METRICS][1]:.2f}  {monthly[prices.ALARM_METRICS][0]} metrics"
        in report.monthly_report()
    )
