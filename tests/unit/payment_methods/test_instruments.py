"""The codes by which checkout opens on a saved bank, wallet or UPI app."""

import json

import pytest

from shared.payment_methods import instruments
from shared.payment_methods.models import PaymentMethod


def test_banks_and_wallets_have_distinct_names() -> None:
    for names_of in (instruments.BANKS, instruments.WALLETS):
        keys = [{instruments.lookup_key(name) for name in (code, *names)} for code, names in names_of.items()]
        assert sum(map(len, keys)) == len(set().union(*keys))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("HDFC Bank Ltd.", "HDFC"),
        ("hdfc", "HDFC"),
        ("State Bank Of India", "SBIN"),
        ("Bank of India", "BKID"),
        ("x", None),
    ],
)
def test_bank_is_found_by_code_and_name(name: str, code: str | None) -> None:
    assert instruments.bank_code(name) == code


@pytest.mark.parametrize(
    ("values", "instrument"),
    [
        ({"type": "upi", "upi_id": "asha@ybl"}, {"method": "upi", "flows": ["intent"], "apps": ["phonepe"]}),
        ({"type": "upi", "upi_id": "asha@nosuch"}, {"method": "upi"}),
        ({"type": "netbanking", "bank_name": "PNB"}, {"method": "netbanking", "banks": ["PUNB_R"]}),
        ({"type": "netbanking", "bank_name": "x"}, {"method": "netbanking"}),
        ({"type": "wallet", "wallet_provider": "Amazon Pay"}, {"method": "wallet", "wallets": ["amazonpay"]}),
        ({"type": "wallet", "wallet_provider": "x"}, {"method": "wallet"}),
        ({"type": "card"}, {"method": "card"}),
    ],
)
def test_checkout_opens_on_the_saved_method(values: dict[str, str], instrument: dict[str, object]) -> None:
    """Without a code, it opens on the kind of method alone. A saved card adds its token."""
    assert json.loads(instruments.opening_on(PaymentMethod("asha", "id", **values))) == {"instrument": instrument}
    card = PaymentMethod("asha", "id", type="card", token="token_HouA2OQR5Z2jTL")
    assert json.loads(instruments.opening_on(card))["token"] == "token_HouA2OQR5Z2jTL"
