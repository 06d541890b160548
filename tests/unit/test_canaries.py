"""The canary search finds secrets and personal data, and nothing else."""

import pytest

from shared.telemetry.log import pseudonym
from tests.support.canaries import find_canaries, find_in_responses, find_in_tables

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhc2hhIn0.c2ln"
ASHAS, BILALS = "5e7a9f51-7a0e-5b43-8f0e-2a4c5d6e7f81", "6f8b0a62-8b1f-4c54-9a1f-3b5d6e7f8a92"


@pytest.mark.parametrize(
    "text",
    [
        '{"detail":"whsec_local"}',
        f"Authorization: Bearer {TOKEN}",
        "X-Amz-Signature=abc",
        'razorpay_signature": "' + "0a" * 32,
        "asha@okhdfcbank",
        "customer@example.com",
        "+919000090000",
        "4111111111111111",
        "card 4111 1111 1111 1111 was sent",
        "5105-1051-0510-5100",
        '{"customer_name":"4111111111111111"}',
    ],
)
def test_secret_or_personal_text_is_found(text: str) -> None:
    assert list(find_canaries(text))


@pytest.mark.parametrize(
    "text",
    [
        f'{{"request_id":"{ASHAS}","duration_ms":10}}',
        '{"Timestamp":1795561384638,"AmountCapturedPaise":[50000.0]}',
        f'{{"customer":"{pseudonym("customer-91130")}","staff":"{pseudonym("customer-91130")}"}}',
        "order_00000000000001 pay_00000000000002 timeline 2026-01-09T12:00:00.123456Z",
    ],
)
def test_harmless_text_is_not_reported(text: str) -> None:
    assert not list(find_canaries(text))


def test_upi_id_is_allowed_in_one_attribute_only() -> None:
    row = {"upi_id": {"S": "asha@ybl"}}
    assert not list(find_in_tables({"PaymentMethodsTable": [row]}))
    assert list(find_in_tables({"PaymentMethodsTable": [{"nickname": {"S": "asha@ybl"}}]}))
    assert list(find_in_tables({"PaymentsTable": [{"timeline": {"L": [{"S": "paid by asha@ybl"}]}}]}))


def test_id_of_another_customer_is_found() -> None:
    owned = {"asha": {ASHAS}, "bilal": {BILALS}}
    assert not list(find_in_responses([("asha", ASHAS), ("bilal", BILALS)], owned))
    assert list(find_in_responses([("bilal", f'{{"id":"{ASHAS}"}}')], owned))
