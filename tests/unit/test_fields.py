"""Field tables: Django's rules and texts, and card numbers kept out."""

import time
from typing import Any

import pytest

from shared import fields
from shared.errors import Invalid
from shared.fields import Amount, Boolean, Choice, Integer, Moment, Number, Text, Uuid, card_number_in, check

VISA = "4111111111111111"


def wrong(table: fields.Fields, data: Any, partial: bool = False) -> dict[str, list[str]]:
    with pytest.raises(Invalid) as caught:
        check(table, data, partial)
    return caught.value.fields


@pytest.mark.parametrize(
    ("written", "paise"),
    [
        ("10", 1_000),
        ("10.5", 1_050),
        ("1e2", 10_000),
        (" 7 ", 700),
        ("\u0967\u0968", 1_200),  # Devanagari
        (Number("10.5"), 1_050),
        (Number("1E1"), 1_000),
        ("007", 700),
        ("1.00", 100),
        ("99999999.99", 9_999_999_999),
    ],
)
def test_an_amount_is_read_as_django_reads_it_and_becomes_whole_paise(written: str, paise: int) -> None:
    assert check({"amount": Amount()}, {"amount": written}) == {"amount": paise}


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("abc", "A valid number is required."),
        ("", "A valid number is required."),
        ("1,000", "A valid number is required."),
        ("NaN", "A valid number is required."),
        ("-Infinity", "A valid number is required."),
        ("0x10", "A valid number is required."),
        (True, "A valid number is required."),
        ([Number("1")], "A valid number is required."),
        ({}, "A valid number is required."),
        (None, "This field may not be null."),
        ("0", "Ensure this value is greater than or equal to 1.00."),
        ("-5", "Ensure this value is greater than or equal to 1.00."),
        ("0.99", "Ensure this value is greater than or equal to 1.00."),
        ("10.505", "Ensure that there are no more than 2 decimal places."),
        (Number("123456789012"), "Ensure that there are no more than 10 digits in total."),
        ("123456789", "Ensure that there are no more than 8 digits before the decimal point."),
        ("1" * 1_001, "String value too large."),
    ],
)
def test_an_amount_is_refused_with_djangos_text(written: Any, text: str) -> None:
    assert wrong({"amount": Amount(required=True)}, {"amount": written}) == {"amount": [text]}


@pytest.mark.parametrize(
    "written", ["1E1000000", "1E-1000000", "0E1000000", Number("1E1000000"), Number("9" * 5_000)]
)
def test_an_enormous_amount_costs_nothing(written: str) -> None:
    started = time.process_time()
    wrong({"amount": Amount()}, {"amount": written})
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize(
    ("field", "written", "value"),
    [
        (Text(), "  kept trimmed ", "kept trimmed"),
        (Text(), Number("12"), "12"),
        (Text(), "", ""),
        (Integer(), "07", 7),
        (Integer(), Number("12"), 12),
        (Integer(), Number("12.0"), 12),
        (Boolean(), "TRUE", True),
        (Boolean(), Number("0"), False),
        (Boolean(), False, False),
        (Choice(options=("card", "upi")), "upi", "upi"),
        (Uuid(), "2F0C6F0E6D1B4C559A3A8E2F1B7C9D10", "2f0c6f0e-6d1b-4c55-9a3a-8e2f1b7c9d10"),
        (Uuid(null=True), None, None),
        (Moment(), "1970-01-02", (24 * 3600 - 19_800) * 1_000_000),
        (Moment(), "1970-01-01T00:00:01Z", 1_000_000),
    ],
)
def test_a_value_is_read(field: fields.Field, written: Any, value: Any) -> None:
    assert check({"one": field}, {"one": written}) == {"one": value}


@pytest.mark.parametrize(
    ("field", "written", "text"),
    [
        (Text(), True, "Not a valid string."),
        (Text(), {"a": 1}, "Not a valid string."),
        (Text(), "\ud800", "Not a valid string."),
        (Text(), "a\x00b", "Null characters are not allowed."),
        (Text(length_max=4), "12345", "Ensure this field has no more than 4 characters."),
        (Text(blank=False), " ", "This field may not be blank."),
        (Text(required=True, pattern="pay_.*"), "", "This field may not be blank."),
        (Text(pattern="[0-9]+", message="Digits."), "12\u0663", "Digits."),
        (Choice(options=("card",)), "cash", '"cash" is not a valid choice.'),
        (Choice(options=("card",)), "", '"" is not a valid choice.'),
        (Integer(), "abc", "A valid integer is required."),
        (Integer(), True, "A valid integer is required."),
        (Integer(), Number("-1"), "Ensure this value is greater than or equal to 0."),
        (Integer(), Number("9" * 5_000), "String value too large."),
        (Boolean(), "maybe", "Must be a valid boolean."),
        (Boolean(), [], "Must be a valid boolean."),
        (Uuid(), "abc", "Must be a valid UUID."),
        (Uuid(), "2f0c6f0e-6d1b-4c55-9a3a-8e2f1b7c9d10\n", "Must be a valid UUID."),
        (Text(), None, "This field may not be null."),
    ],
)
def test_a_value_is_refused_with_djangos_text(field: fields.Field, written: Any, text: str) -> None:
    assert wrong({"one": field}, {"one": written}) == {"one": [text]}


def test_all_bad_fields_are_named_at_once_in_the_tables_order() -> None:
    table = {"first": Integer(required=True), "second": Text(), "third": Boolean()}
    told = wrong(table, {"third": "x", "second": True})
    assert list(told) == ["first", "second", "third"]
    assert told["first"] == ["This field is required."]


def test_absent_fields_take_their_default_unless_partial() -> None:
    table = {"type": Choice(options=("card",), required=True), "nickname": Text(), "month": Integer(null=True)}
    assert check(table, {"type": "card", "bogus": Number("1")}) == {"type": "card", "nickname": "", "month": None}
    assert check(table, {}, partial=True) == {}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ([1], "Invalid data. Expected a dictionary, but got list."),
        ("x", "Invalid data. Expected a dictionary, but got str."),
        (Number("1"), "Invalid data. Expected a dictionary, but got int."),
        (Number("1.5"), "Invalid data. Expected a dictionary, but got float."),
        (True, "Invalid data. Expected a dictionary, but got bool."),
        (None, "No data provided"),
    ],
)
def test_a_body_that_is_no_object_is_refused(body: Any, text: str) -> None:
    assert wrong({"one": Text()}, body) == {"non_field_errors": [text]}


def test_filters_have_their_own_text_and_ignore_what_is_empty() -> None:
    table = {"type": Choice(options=("card",))}
    assert fields.check_query(table, {"type": "", "other": "x"}) == {}
    with pytest.raises(Invalid) as caught:
        fields.check_query(table, {"type": "cash"})
    assert caught.value.fields == {"type": ["Select a valid choice. cash is not one of the available choices."]}


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        f"my card {VISA} thanks",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111 - 1111 - 1111 - 1111",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "\u0664\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661",
        "4111\u200b1111\u200b1111\u200b1111",
        "4111 1111 1111 1111 12/27 123",
        "378282246310005",
        "6527658900001005",
        "5555555555554444",
    ],
)
def test_a_card_number_is_found(text: str) -> None:
    assert card_number_in(text)


@pytest.mark.parametrize(
    "text", ["9876543210", "+91 98765 43210", "4242", "4111111111111112", "2026-11-24 16:08:12", "0" * 16, "asha@ybl"]
)
def test_other_numbers_are_not_card_numbers(text: str) -> None:
    assert not card_number_in(text)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"nickname": VISA}, "nickname"),
        ({"nickname": Number(VISA)}, "nickname"),
        ({"type": VISA}, "type"),
        ({"bogus": {"deep": [{"er": VISA}]}}, "bogus"),
        ({"cvv": Number("123")}, "cvv"),
        ({"card": {"Card-Number": "x"}}, "card"),
    ],
)
def test_card_data_is_refused_wherever_it_is(body: Any, name: str) -> None:
    table = {"type": Choice(options=("card",)), "nickname": Text()}
    assert wrong(table, body, partial=True) == {name: [fields.CARD_REFUSED]}


def test_ids_and_signatures_are_not_searched_for_card_numbers() -> None:
    table = {"signature": Text(card_scan=False), "method": Uuid()}
    digits = "41111111-1111-1111-1111-111111111111"
    assert check(table, {"signature": VISA, "method": digits, "id": digits})["signature"] == VISA


def test_looking_for_card_numbers_in_a_full_body_takes_no_time() -> None:
    started = time.process_time()
    for text in ("1 " * 32_000, "7" * 64_000, "12345678 " * 7_000):
        card_number_in(text)
    assert time.process_time() - started < 2


def test_a_table_is_its_own_json_schema() -> None:
    shape = fields.schema({"amount": Amount(required=True, example="5.00"), "month": Integer(null=True)})
    assert shape["required"] == ["amount"]
    assert shape["properties"]["amount"]["examples"] == ["5.00"]
    assert shape["properties"]["month"]["type"] == ["integer", "null"]
