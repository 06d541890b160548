"""Razorpay's JSON: read however much it leaves out, and refused when it has another shape."""

from typing import Any

import pytest

from shared.razorpay.entities import UnexpectedPayload, token_from


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
