"""UPI ids: what NPCI allows, and nothing else that has an @ in it."""

import re

import pytest

from shared.errors import ValidationError
from shared.http import fields
from shared.payment_methods.serializers import FIELDS
from shared.payment_methods.upi_handles import PROVIDER_OF, UPI_ID


@pytest.mark.parametrize(
    "upi_id",
    [
        "asha@gmail.com",
        "asha.k@shop.co.in",
        "asha@ybl.com",
        "asha@okhdfcbank.",
        "Asha <asha@ybl>",
        "mailto:asha@example.in",
        "upi://pay?pa=asha@ybl",
        "https://pay.example/asha@ybl",
        "//asha@ybl",
        "asha@ybl/pay",
        "asha@ybl?am=10",
        "asha@ybl\u200b",
        "\u200easha@ybl",
        "as\u00adha@ybl",
        "asha\u2060@ybl",
        "asha@\ufeffybl",
        "\u0430sha@ybl",
        "\u0967\u0968@ybl",
        "asha@\uff59bl",
        "asha\uff20ybl",
        "+919876543210@ybl",
        "asha@y",
        "asha@811kotak",
        "asha@ok-hdfc",
        f"asha@{'x' * 65}",
    ],
)
def test_email_link_or_invisible_sign_is_no_upi_id(upi_id: str) -> None:
    with pytest.raises(ValidationError) as caught:
        fields.validate(FIELDS, {"type": "upi", "upi_id": upi_id})
    assert caught.value.fields == {"upi_id": ["Enter a valid UPI ID."]}


@pytest.mark.parametrize(
    "upi_id",
    [
        "9876543210@ybl",
        "asha.k-1_x@axisb",
        "ASHA@OKICICI",
        "asha@ptyes",
        "asha@yesbank",
        "asha@jupiteraxis",
        "asha@pz",
        "shop.q123456@kotak811",
        "1@ikwik",
        "_@upi",
        f"{'x' * 92}@freecha",
        f"a@{'x' * 64}",
    ],
)
def test_upi_id_is_what_npci_allows(upi_id: str) -> None:
    assert fields.validate(FIELDS, {"type": "upi", "upi_id": f" {upi_id} "})["upi_id"] == upi_id


def test_every_known_handle_makes_a_upi_id() -> None:
    assert [handle for handle in PROVIDER_OF if not re.fullmatch(UPI_ID, f"asha@{handle}")] == []
