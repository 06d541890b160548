"""The canaries are known when they are seen, and nothing else is taken for one."""

import pytest

from tests.canaries import found_in, found_in_answers, found_in_tables

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
    ],
)
def test_what_must_not_be_seen_is_seen(text: str) -> None:
    assert list(found_in(text))


@pytest.mark.parametrize(
    "text",
    [
        f'{{"request_id":"{ASHAS}","duration_ms":10}}',
        '{"Timestamp":1795561384638,"AmountCapturedPaise":[50000.0]}',
        "order_00000000000001 pay_00000000000002 timeline 2026-01-09T12:00:00.123456Z",
    ],
)
def test_what_may_be_seen_is_left_alone(text: str) -> None:
    assert not list(found_in(text))


def test_a_vpa_belongs_in_one_attribute_and_nowhere_else() -> None:
    row = {"upi_id": {"S": "asha@ybl"}}
    assert not list(found_in_tables({"PaymentMethodsTable": [row]}))
    assert list(found_in_tables({"PaymentMethodsTable": [{"nickname": {"S": "asha@ybl"}}]}))
    assert list(found_in_tables({"PaymentsTable": [{"timeline": {"L": [{"S": "paid by asha@ybl"}]}}]}))


def test_an_id_in_an_answer_to_another_is_seen() -> None:
    owned = {"asha": {ASHAS}, "bilal": {BILALS}}
    assert not list(found_in_answers([("asha", ASHAS), ("bilal", BILALS)], owned))
    assert list(found_in_answers([("bilal", f'{{"id":"{ASHAS}"}}')], owned))
