"""A customer as staff see them: the wallet, masked methods, and the payments that may need an answer."""

import pytest

from shared.aws.dynamodb import Insert, execute
from shared.errors import NotFound
from shared.payment_methods.models import PaymentMethod
from shared.payments.review import flag_for_review
from shared.staff.customer_record import RECENT, get_customer
from shared.staff.customer_serializers import StaffCustomerBody, serialize_customer
from shared.wallets.models import get_head
from shared.wallets.wallet import open_wallet, wallet_id
from tests.unit.payments.support import ASHA, ATTEMPT_ID, credited, stored, top_up


def read(customer: str = ASHA) -> StaffCustomerBody:
    return serialize_customer(get_customer(customer))


def save(method_id: str, **values: str) -> None:
    fields = {"created_at_us": 1, "updated_at_us": 1, **values}
    execute(Insert(PaymentMethod(ASHA, f"{method_id:0>8}-0000-4000-8000-000000000000", **fields)))


def test_unknown_customer_is_404_and_opens_no_wallet() -> None:
    with pytest.raises(NotFound):
        get_customer("nobody")
    assert get_head(wallet_id("nobody")) is None


def test_wallet_is_null_until_it_is_opened() -> None:
    save("1", type="upi", upi_id="asha@okhdfcbank")
    assert read()["wallet"] is None
    open_wallet(ASHA)
    wallet = read()["wallet"]
    assert wallet and (wallet["balance"], wallet["held"], wallet["owed"]) == ("0.00", "0.00", "0.00")


def test_payments_are_sorted_into_open_and_in_review() -> None:
    paid = credited()
    flag_for_review(stored(paid), ATTEMPT_ID, "amount_mismatch")
    waiting = top_up()
    body = read()
    assert [payment["id"] for payment in body["recent_payments"]] == [waiting.id, paid.id]
    assert [payment["id"] for payment in body["open_payments"]] == [waiting.id]
    assert [payment["id"] for payment in body["payments_in_review"]] == [paid.id]
    assert body["wallet"] and body["wallet"]["balance"] == "500.00"


def test_recent_payments_are_few() -> None:
    ids = [credited(attempt_id=f"pay_000000000001{number:02}").id for number in range(RECENT + 1)]
    assert [payment["id"] for payment in read()["recent_payments"]] == ids[:0:-1]


@pytest.mark.parametrize(
    ("values", "masked"),
    [
        ({"type": "upi", "upi_id": "asha.rao@okhdfcbank"}, "a…@okhdfcbank"),
        ({"type": "card", "card_last4": "4242"}, "4242"),
        ({"type": "netbanking", "bank_name": "HDFC Bank"}, "HDFC Bank"),
        ({"type": "wallet", "wallet_provider": "Paytm", "wallet_number": "9876543210"}, "Paytm"),
    ],
)
def test_method_is_masked(values: dict[str, str], masked: str) -> None:
    save("1", **values)
    (method,) = read()["payment_methods"]
    assert (method["type"], method["masked"], method["is_default"]) == (values["type"], masked, False)
