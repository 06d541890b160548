"""The search: every id leads to its payment or customer, and an unknown one to nothing."""

import pytest

from shared.aws.dynamodb import Insert, execute
from shared.errors import ServiceUnavailable
from shared.payment_methods.models import Owner, PaymentMethod
from shared.payments.create import create_payment
from shared.payments.models import Payment
from shared.razorpay import api
from shared.refunds.models import Refund
from shared.staff.search import Found, search
from shared.wallets.models import Entry, WalletOwner
from shared.wallets.wallet import open_wallet, wallet_id
from tests.unit.conftest import Razorpay, an_attempt
from tests.unit.payments.support import ASHA, ATTEMPT_ID, THROUGH_RAZORPAY, a_refund, top_up

REFUND_ID = a_refund(1).id
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def payments_found(text: str) -> list[tuple[str, str]]:
    """Customer and id of every payment that was found."""
    return [(found.customer, found.payment.id) for found in search(text) if found.payment]


def test_every_id_of_a_payment_finds_it(razorpay: Razorpay) -> None:
    payment = top_up()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    razorpay.refunds.append(a_refund(50_000))
    for text in (payment.id, payment.id.upper(), str(payment.gateway_order), ATTEMPT_ID, REFUND_ID):
        assert payments_found(text) == [(ASHA, payment.id)], text
        assert len(search(text)) == 1


def test_order_is_found_without_asking_razorpay(razorpay: Razorpay) -> None:
    payment = top_up()
    search(str(payment.gateway_order))
    assert razorpay.calls == []


@pytest.mark.parametrize(
    "text", ["", "nobody", UNKNOWN, "order_99999999999999", "pay_9", "rfnd_9", "pay_", "é", "x" * 255]
)
def test_unknown_id_finds_nothing(text: str, razorpay: Razorpay) -> None:
    top_up()
    assert search(text) == []


def test_payment_of_another_system_finds_nothing(razorpay: Razorpay) -> None:
    """It is on the same account at Razorpay."""
    razorpay.payments[ATTEMPT_ID] = an_attempt("order_00000000000099", 50_000)
    assert search(ATTEMPT_ID) == []
    razorpay.payments[ATTEMPT_ID] = an_attempt("", 50_000)
    assert search(ATTEMPT_ID) == []


def test_search_during_outage_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(payment_id: str) -> None:
        raise ServiceUnavailable(is_silence=True)

    monkeypatch.setattr(api, "fetch_payment", silent)
    with pytest.raises(ServiceUnavailable):
        search(ATTEMPT_ID)


def test_customer_is_found_by_wallet_payment_or_method(razorpay: Razorpay) -> None:
    open_wallet("has-a-wallet")
    create_payment("has-a-payment", THROUGH_RAZORPAY, None)
    execute(Insert(PaymentMethod("has-a-method", UNKNOWN, type="upi", created_at_us=1, updated_at_us=1)))
    for customer in ("has-a-wallet", "has-a-payment", "has-a-method"):
        assert search(customer) == [Found(customer)]


def test_wallet_finds_its_customer() -> None:
    execute(Insert(WalletOwner(wallet_id(ASHA), owner=ASHA)))
    assert search(wallet_id(ASHA)) == [Found(ASHA)]


def test_customer_at_razorpay_finds_who_has_the_claim(razorpay: Razorpay) -> None:
    execute(Insert(Owner("cust_00000000000001", owner=ASHA)))
    assert search("cust_00000000000001") == [Found(ASHA)]
    assert search("cust_00000000000002") == [] and razorpay.calls == []


def test_search_writes_nothing(razorpay: Razorpay) -> None:
    """Not even the record of a capture that no payment is known of, as a webhook would."""
    razorpay.payments[ATTEMPT_ID] = an_attempt("order_00000000000099", 50_000)
    razorpay.refunds.append(a_refund(50_000))
    for text in (ASHA, UNKNOWN, "order_00000000000099", ATTEMPT_ID, REFUND_ID):
        search(text)
    assert [row for table in (Payment, Entry, Refund, PaymentMethod) for row in table.scan()] == []
