"""Field tables follow Django's rules and texts, and refuse card numbers."""

import time
from typing import Any

import pytest

from shared.errors import ValidationError
from shared.http import fields
from shared.http.body import parse_json
from shared.http.fields import (
    Amount,
    Boolean,
    Choice,
    DateTime,
    Integer,
    JsonNumber,
    Text,
    Uuid,
    validate,
)

VISA = "4111111111111111"


def errors_of(table: fields.Fields, data: Any, partial: bool = False) -> dict[str, list[str]]:
    """The texts that refuse this body, by field."""
    with pytest.raises(ValidationError) as caught:
        validate(table, data, partial)
    return caught.value.fields


@pytest.mark.parametrize(
    ("written", "paise"),
    [
        ("10", 1_000),
        ("10.5", 1_050),
        ("1e2", 10_000),
        (" 7 ", 700),
        ("\u0967\u0968", 1_200),  # Devanagari
        (JsonNumber("10.5"), 1_050),
        (JsonNumber("1E1"), 1_000),
        ("007", 700),
        ("1.00", 100),
        ("99999999.99", 9_999_999_999),
    ],
)
def test_amount_becomes_whole_paise(written: str, paise: int) -> None:
    assert validate({"amount": Amount()}, {"amount": written}) == {"amount": paise}


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
        ([JsonNumber("1")], "A valid number is required."),
        ({}, "A valid number is required."),
        (None, "This field may not be null."),
        ("0", "Ensure this value is greater than or equal to 1.00."),
        ("-5", "Ensure this value is greater than or equal to 1.00."),
        ("0.99", "Ensure this value is greater than or equal to 1.00."),
        ("10.505", "Ensure that there are no more than 2 decimal places."),
        (JsonNumber("123456789012"), "Ensure that there are no more than 10 digits in total."),
        ("123456789", "Ensure that there are no more than 8 digits before the decimal point."),
        ("1" * 1_001, "String value too large."),
    ],
)
def test_bad_amount_gets_djangos_text(written: Any, text: str) -> None:
    assert errors_of({"amount": Amount(required=True)}, {"amount": written}) == {"amount": [text]}


@pytest.mark.parametrize(
    "written", ["1E1000000", "1E-1000000", "0E1000000", JsonNumber("1E1000000"), JsonNumber("9" * 5_000)]
)
def test_enormous_amount_is_refused_quickly(written: str) -> None:
    started = time.process_time()
    errors_of({"amount": Amount()}, {"amount": written})
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize(
    ("field", "written", "value"),
    [
        (Text(), "  trimmed text ", "trimmed text"),
        (Text(), JsonNumber("12"), "12"),
        (Text(), "", ""),
        (Integer(), "07", 7),
        (Integer(), JsonNumber("12"), 12),
        (Integer(), JsonNumber("12.0"), 12),
        (Boolean(), "TRUE", True),
        (Boolean(), JsonNumber("0"), False),
        (Boolean(), False, False),
        (Choice(options=("card", "upi")), "upi", "upi"),
        (Uuid(), "2F0C6F0E6D1B4C559A3A8E2F1B7C9D10", "2f0c6f0e-6d1b-4c55-9a3a-8e2f1b7c9d10"),
        (Uuid(null=True), None, None),
        (DateTime(), "1970-01-02", (24 * 3600 - 19_800) * 1_000_000),
        (DateTime(), "1970-01-01T00:00:01Z", 1_000_000),
    ],
)
def test_value_is_parsed(field: fields.Field, written: Any, value: Any) -> None:
    assert validate({"field": field}, {"field": written}) == {"field": value}


@pytest.mark.parametrize(
    ("field", "written", "text"),
    [
        (Text(), True, "Not a valid string."),
        (Text(), {"a": 1}, "Not a valid string."),
        (Text(), "\ud800", "Surrogate characters are not allowed: U+D800."),
        (Text(), "a\x00b", "Null characters are not allowed."),
        (Text(length_max=4), "12345", "Ensure this field has no more than 4 characters."),
        (Text(blank=False), " ", "This field may not be blank."),
        (Text(required=True, pattern="pay_.*"), "", "This field may not be blank."),
        (Text(pattern="[0-9]+", message="Digits."), "12\u0663", "Digits."),
        (Choice(options=("card",)), "cash", '"cash" is not a valid choice.'),
        (Choice(options=("card",)), "", '"" is not a valid choice.'),
        (Integer(), "abc", "A valid integer is required."),
        (Integer(), True, "A valid integer is required."),
        (Integer(), JsonNumber("-1"), "Ensure this value is greater than or equal to 0."),
        (Integer(), JsonNumber("9" * 5_000), "String value too large."),
        (Boolean(), "maybe", "Must be a valid boolean."),
        (Boolean(), [], "Must be a valid boolean."),
        (Uuid(), "abc", "Must be a valid UUID."),
        (Uuid(), "2f0c6f0e-6d1b-4c55-9a3a-8e2f1b7c9d10\n", "Must be a valid UUID."),
        (Text(), None, "This field may not be null."),
    ],
)
def test_bad_value_gets_djangos_text(field: fields.Field, written: Any, text: str) -> None:
    assert errors_of({"field": field}, {"field": written}) == {"field": [text]}


@pytest.mark.parametrize(
    ("written", "quoted"),
    [
        ("5", "5"),
        ("-0", "0"),
        ("1.50", "1.5"),
        ("1E1", "10.0"),
        ("1e400", "inf"),
        ("9" * 5_000, "9" * 5_000),
        ("true", "True"),
        ("[]", "[]"),
        ('[1, "x", null, false, {"a": 2.0}]', "[1, 'x', None, False, {'a': 2.0}]"),
        ('{"type": "upi"}', "{'type': 'upi'}"),
        ('"  card "', "  card "),
        (f'"{"x" * 5_000}"', "x" * 5_000),
        ('"a\\u0000b"', "a\x00b"),
        ('"\u0915\u093e\u0930\u094d\u0921"', "\u0915\u093e\u0930\u094d\u0921"),
        ('["\\ud800"]', r"['\ud800']"),
        ('"a\\ud800"', "a?"),
    ],
)
def test_wrong_choice_is_quoted_as_django_quotes_it(written: str, quoted: str) -> None:
    """In full, and anything but a text as Python writes it."""
    body = parse_json(f'{{"type": {written}}}'.encode())
    assert errors_of({"type": Choice(options=("card", "upi"))}, body) == {
        "type": [f'"{quoted}" is not a valid choice.']
    }


@pytest.mark.parametrize("value", ["x" * 5_000, "\ufffd", "a\x00b", " card", "<b>card</b>", "\u0915\u093e", "CARD"])
def test_wrong_filter_is_quoted_in_full(value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        fields.validate_query({"type": Choice(options=("card",))}, {"type": value})
    text = f"Select a valid choice. {value} is not one of the available choices."
    assert caught.value.fields == {"type": [text]}


@pytest.mark.parametrize("value", [[VISA], {"a": [JsonNumber(VISA)]}, {"cvv": "123"}, JsonNumber(VISA), f"no {VISA}"])
def test_wrong_choice_with_card_data_is_not_quoted(value: Any) -> None:
    assert errors_of({"type": Choice(options=("card",))}, {"type": value}) == {"type": [fields.CARD_REFUSED]}


@pytest.mark.parametrize(
    ("written", "texts"),
    [
        ("a\udfffb", ["Surrogate characters are not allowed: U+DFFF."]),
        ("\ude00\ud83d", ["Surrogate characters are not allowed: U+DE00."]),
        ("\ud800\udbff", ["Surrogate characters are not allowed: U+D800."]),
        ("a\x00\ud800", ["Null characters are not allowed.", "Surrogate characters are not allowed: U+D800."]),
        ("123456\x00", ["Ensure this field has no more than 5 characters.", "Null characters are not allowed."]),
        (
            "123456\ud800\x00",
            [
                "Ensure this field has no more than 5 characters.",
                "Null characters are not allowed.",
                "Surrogate characters are not allowed: U+D800.",
            ],
        ),
    ],
)
def test_text_is_refused_for_everything_wrong_with_it(written: str, texts: list[str]) -> None:
    assert errors_of({"note": Text(length_max=5)}, {"note": written}) == {"note": texts}


def test_pair_of_surrogates_is_one_character() -> None:
    body = parse_json(b'{"note": "\\ud83d\\ude00"}')
    assert fields.validate({"note": Text(length_max=1)}, body) == {"note": "\U0001f600"}


@pytest.mark.parametrize("field", [Integer(), Boolean(), Uuid(), Amount(), DateTime()])
def test_surrogate_has_no_text_of_its_own_where_it_cannot_be(field: fields.Field) -> None:
    (text,) = errors_of({"field": field}, {"field": "\ud800"})["field"]
    assert text.startswith(("A valid", "Must be a valid", "Enter a valid"))


def test_all_bad_fields_are_reported_in_table_order() -> None:
    table = {"first": Integer(required=True), "second": Text(), "third": Boolean()}
    errors = errors_of(table, {"third": "x", "second": True})
    assert list(errors) == ["first", "second", "third"]
    assert errors["first"] == ["This field is required."]


def test_absent_fields_take_their_default_unless_partial() -> None:
    table = {"type": Choice(options=("card",), required=True), "nickname": Text(), "month": Integer(null=True)}
    assert validate(table, {"type": "card", "bogus": JsonNumber("1")}) == {
        "type": "card",
        "nickname": "",
        "month": None,
    }
    assert validate(table, {}, partial=True) == {}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ([1], "Invalid data. Expected a dictionary, but got list."),
        ("x", "Invalid data. Expected a dictionary, but got str."),
        (JsonNumber("1"), "Invalid data. Expected a dictionary, but got int."),
        (JsonNumber("1.5"), "Invalid data. Expected a dictionary, but got float."),
        (True, "Invalid data. Expected a dictionary, but got bool."),
        (None, "No data provided"),
    ],
)
def test_body_must_be_an_object(body: Any, text: str) -> None:
    assert errors_of({"field": Text()}, body) == {"non_field_errors": [text]}


def test_filters_ignore_empty_values_and_have_own_text() -> None:
    table = {"type": Choice(options=("card",))}
    assert fields.validate_query(table, {"type": "", "other": "x"}) == {}
    with pytest.raises(ValidationError) as caught:
        fields.validate_query(table, {"type": "cash"})
    assert caught.value.fields == {"type": ["Select a valid choice. cash is not one of the available choices."]}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"nickname": VISA}, "nickname"),
        ({"nickname": JsonNumber(VISA)}, "nickname"),
        ({"type": VISA}, "type"),
        ({"bogus": {"deep": [{"er": VISA}]}}, "bogus"),
        ({"cvv": JsonNumber("123")}, "cvv"),
        ({"card": {"Card-Number": "x"}}, "card"),
        ({"bogus": [1, "2", None, ["4111 1111 1111 1111"]]}, "bogus"),
        ({"bogus": [{"Track2": [0]}]}, "bogus"),
        ({"bogus": "%B4111111111111111^A/B^2712101?"}, "bogus"),
    ],
)
def test_card_data_is_refused_at_any_depth(body: Any, name: str) -> None:
    table = {"type": Choice(options=("card",)), "nickname": Text()}
    assert errors_of(table, body, partial=True) == {name: [fields.CARD_REFUSED]}


def test_ids_and_signatures_may_look_like_card_numbers() -> None:
    table = {"signature": Text(card_scan=False), "method": Uuid()}
    digits = "41111111-1111-1111-1111-111111111111"
    assert validate(table, {"signature": VISA, "method": digits, "id": digits})["signature"] == VISA


def test_table_gives_its_json_schema() -> None:
    shape = fields.schema({"amount": Amount(required=True, example="5.00"), "month": Integer(null=True)})
    assert shape["required"] == ["amount"]
    assert shape["properties"]["amount"]["examples"] == ["5.00"]
    assert shape["properties"]["month"]["type"] == ["integer", "null"]
