"""Razorpay's JSON: read however much it leaves out, and refused when it has another shape."""

from typing import Any

import pytest

from shared.razorpay.entities import UnexpectedPayload, payment_from, token_from


@pytest.mark.parametrize(
    ("entity", "expected"),
    [
        ({"status": "activated"}, ("active", None, None, "")),
        ({"status": "something new"}, ("suspended", None, None, "")),
        ({"recurring_details": {"status": "cancelled"}}, ("cancelled", None, None, "")),
        ({"card": {"expiry_month": "12", "expiry_year": "2030"}}, ("active", 12, 2030, "")),
        ({"card": {"expiry_month": 0, "expiry_year": 99}}, ("active", None, None, "")),
        ({"card": None, "service_provider_tokens": []}, ("active", None, None, "")),
        (
            {"service_provider_tokens": [{}, {"provider_data": {"payment_account_reference": "V1"}}]},
            ("active", None, None, "V1"),
        ),
    ],
)
def test_incomplete_token_is_read(entity: dict[str, Any], expected: Any) -> None:
    token = token_from({"id": "token_1", "method": "card", **entity})
    assert (token.status, token.expiry_month, token.expiry_year, token.account) == expected


@pytest.mark.parametrize(
    "entity", [None, [], "x", {}, {"id": 1}, {"id": "token_1", "card": "x"}, {"id": "token_x/.."}]
)
def test_malformed_token_is_refused(entity: Any) -> None:
    with pytest.raises(UnexpectedPayload):
        token_from(entity)


@pytest.mark.parametrize(
    ("values", "refunded_paise"),
    [
        ({}, 0),
        ({"amount_refunded": None}, 0),
        ({"amount_refunded": 20_000}, 20_000),
        ({"amount_refunded": -1}, 0),
        ({"amount_refunded": "20000"}, 0),
        ({"amount_refunded": 200.0}, 0),
        ({"amount_refunded": True}, 0),
    ],
)
def test_refunded_amount_is_whole_paise_or_zero(values: dict[str, Any], refunded_paise: int) -> None:
    payment = payment_from({"id": "pay_1", "amount": 50_000, "status": "captured"} | values)
    assert payment.refunded_paise == refunded_paise
