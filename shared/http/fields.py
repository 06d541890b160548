"""Typed fields: bodies and queries are validated with Django REST framework's rules and texts.

A table maps names to fields, in the order of their errors. The same table drives validation and the OpenAPI
document. JSON numbers arrive as `JsonNumber`, the text as it was written, so no value is ever a float.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from shared.errors import ValidationError
from shared.http.card_numbers import DIGITS_MIN, card_number_in, is_card_key
from shared.money import paise_from_text, rupees

IST = timezone(timedelta(hours=5, minutes=30))
INTEGER_TEXT_LENGTH_MAX = 1_000
CARD_REFUSED = "Card numbers and security codes are not accepted."
TRUE = ("true", "t", "yes", "y", "on", "1", "1.0")
LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # which JSON can express and DynamoDB cannot store
FALSE = ("false", "f", "no", "n", "off", "0", "0.0")


class JsonNumber(str):
    """A JSON number as it was written."""

    __slots__ = ()


class FieldError(Exception):
    """The texts that refuse the value of one field, its arguments."""


# Not frozen: each class would take every function a quarter of a millisecond longer to import.
@dataclass(kw_only=True, eq=False, repr=False)
class Field:
    """The base of all fields: whether a value is required, may be null, and its default."""

    required: bool = False
    null: bool = False
    default: Any = None
    example: Any = None
    description: str = ""

    def parse(self, value: Any) -> Any:
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(kw_only=True, eq=False, repr=False)
class Text(Field):
    default: Any = ""
    length_max: int = 100
    blank: bool = True
    pattern: str | None = None
    message: str = "Enter a valid value."
    card_scan: bool = True

    def parse(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | JsonNumber):
            raise FieldError("Not a valid string.")
        text = str(value).strip()
        if not text and (self.required or not self.blank):
            raise FieldError("This field may not be blank.")
        if problems := self._problems(text):
            raise FieldError(*problems)
        if self.pattern and text and not re.fullmatch(self.pattern, text, re.ASCII):
            raise FieldError(self.message)
        return text

    def _problems(self, text: str) -> list[str]:
        """Everything that is wrong with the characters, in Django's order."""
        problems = []
        if len(text) > self.length_max:
            problems.append(f"Ensure this field has no more than {self.length_max} characters.")
        if "\x00" in text:
            problems.append("Null characters are not allowed.")
        if surrogate := LONE_SURROGATE.search(text):
            problems.append(f"Surrogate characters are not allowed: U+{ord(surrogate[0]):X}.")
        return problems

    def schema(self) -> dict[str, Any]:
        limits: dict[str, Any] = {"type": "string", "maxLength": self.length_max}
        return limits | ({"pattern": f"^({self.pattern})?$"} if self.pattern else {})


@dataclass(eq=False, repr=False)
class Choice(Field):
    options: tuple[str, ...] = ()

    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise FieldError(f'"{_echo(value)}" is not a valid choice.')
        return str(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.options)}


@dataclass(kw_only=True, eq=False, repr=False)
class Boolean(Field):
    default: Any = False

    def parse(self, value: Any) -> bool:
        if value is True or value is False:
            return bool(value)
        if isinstance(value, str) and value.lower() in TRUE:
            return True
        if isinstance(value, str) and value.lower() in FALSE:
            return False
        raise FieldError("Must be a valid boolean.")

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(kw_only=True, eq=False, repr=False)
class Integer(Field):
    minimum: int = 0
    maximum: int = 32_767

    def parse(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, str):
            raise FieldError("A valid integer is required.")
        if len(value) > INTEGER_TEXT_LENGTH_MAX:
            raise FieldError("String value too large.")
        text = re.sub(r"\.0*\s*$", "", value.strip())
        if not re.fullmatch(r"[+-]?\d+", text):
            raise FieldError("A valid integer is required.")
        number = int(text)
        if number < self.minimum:
            raise FieldError(f"Ensure this value is greater than or equal to {self.minimum}.")
        if number > self.maximum:
            raise FieldError(f"Ensure this value is less than or equal to {self.maximum}.")
        return number

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(kw_only=True, eq=False, repr=False)
class Amount(Field):
    """Rupees in, as text or number; paise out."""

    minimum_paise: int = 100

    def parse(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, str):
            raise FieldError("A valid number is required.")
        try:
            paise = paise_from_text(str(value))
        except ValueError as error:
            raise FieldError(str(error)) from None
        if paise < self.minimum_paise:
            raise FieldError(f"Ensure this value is greater than or equal to {rupees(self.minimum_paise)}.")
        return paise

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "decimal", "pattern": r"^[0-9]{1,8}(\.[0-9]{1,2})?$"}


class Uuid(Field):
    def parse(self, value: Any) -> str:
        found = uuid_from(value)
        if found is None:
            raise FieldError("Must be a valid UUID.")
        return found

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}


class DateTime(Field):
    """A time, or a date that means the start of that day in India. Parses to microseconds since 1970."""

    def parse(self, value: Any) -> int:
        try:
            text = str(value).strip()
            if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
                day = date.fromisoformat(text)
                moment = datetime(day.year, day.month, day.day, tzinfo=IST)
            else:
                moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
                moment = moment if moment.tzinfo else moment.replace(tzinfo=IST)
            return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        except (ValueError, OverflowError):
            raise FieldError("Enter a valid date or time, such as 2026-01-09 or 2026-01-09T12:00:00Z.") from None

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


Fields = Mapping[str, Field]


def validate(fields: Fields, data: Any, partial: bool = False) -> dict[str, Any]:
    """The values of a JSON body; ValidationError names every bad field, in the table's order.

    Absent fields take their default; with `partial` they stay absent. Unknown keys are ignored.
    """
    if data is None:
        raise ValidationError({"non_field_errors": ["No data provided"]})
    if not isinstance(data, dict):
        number = "float" if isinstance(data, JsonNumber) and re.search(r"[.eE]", data) else "int"
        kind = number if isinstance(data, JsonNumber) else type(data).__name__
        raise ValidationError({"non_field_errors": [f"Invalid data. Expected a dictionary, but got {kind}."]})
    values: dict[str, Any] = {}
    errors: dict[str, list[str]] = {name: [CARD_REFUSED] for name in _fields_with_card_data(fields, data)}
    for name, field in fields.items():
        if name in errors:
            continue
        if name not in data:
            if field.required and not partial:
                errors[name] = ["This field is required."]
            elif not partial:
                values[name] = field.default
            continue
        try:
            values[name] = _parse_or_null(field, data[name])
        except FieldError as reason:
            errors[name] = list(reason.args)
    if errors:
        raise ValidationError({name: errors[name] for name in [*fields, *errors] if name in errors})
    return values


def validate_query(fields: Fields, query: Mapping[str, str]) -> dict[str, Any]:
    """The filters of a query string; empty ones count as absent, as in django-filter."""
    values: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    for name, field in fields.items():
        if not query.get(name):
            continue
        if _has_card_data(field, name, query[name]):
            errors[name] = [CARD_REFUSED]
            continue
        try:
            values[name] = field.parse(query[name])
        except FieldError as reason:
            choice = f"Select a valid choice. {_echo(query[name])} is not one of the available choices."
            errors[name] = [choice] if isinstance(field, Choice) else list(reason.args)
    if errors:
        raise ValidationError(errors)
    return values


def uuid_from(value: Any) -> str | None:
    """The canonical form of a UUID given in any case, with or without dashes."""
    text = str(value)
    if not re.fullmatch(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", text, re.ASCII):
        return None
    return str(uuid.UUID(text))


def _parse_or_null(field: Field, value: Any) -> Any:
    if value is not None:
        return field.parse(value)
    if not field.null:
        raise FieldError("This field may not be null.")
    return None


def _echo(value: Any) -> str:
    """A refused value as Django quotes it: whole, and as Python writes it.

    A lone surrogate at the top, which Django cannot send at all, is a question mark.
    """
    return str(_native(value)).encode("utf-8", "replace").decode()


def _native(value: Any) -> Any:
    """A JSON value with Python's own numbers, for quoting only: no value that is used is ever a float."""
    if isinstance(value, dict):
        return {name: _native(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_native(member) for member in value]
    if not isinstance(value, JsonNumber):
        return value
    try:
        return float(value) if re.search("[.eE]", value) else int(value)
    except ValueError:  # longer than Python converts
        return str(value)


# --- card data: refused in any field


def _fields_with_card_data(fields: Fields, data: Mapping[str, Any]) -> list[str]:
    return [name for name, value in data.items() if _has_card_data(fields.get(name), name, value)]


def _has_card_data(field: Field | None, name: str, value: Any) -> bool:
    is_quoted = isinstance(field, Choice)  # by the error
    if isinstance(value, str) and (is_quoted or isinstance(field, Text) and field.card_scan):
        texts: list[str | None] = [value]
    elif field is None or is_quoted:
        texts = list(_texts(name, value))
    else:
        return False
    return any(text is None or card_number_in(text) for text in texts)


def _texts(name: str, value: Any) -> Iterator[str | None]:
    """Every text below an unknown key that is long enough; None for a key that is meant for card data."""
    pending = [(name, value)]
    while pending:
        name, value = pending.pop()
        if name and is_card_key(name) and value not in (None, ""):
            yield None
        if isinstance(value, dict):
            pending += value.items()
        elif isinstance(value, list):
            pending += [("", item) for item in value if not isinstance(item, str) or len(item) >= DIGITS_MIN]
        elif isinstance(value, str) and len(value) >= DIGITS_MIN and not uuid_from(value):
            yield value


def schema(fields: Fields) -> dict[str, Any]:
    """The JSON schema of a table."""
    properties = {}
    for name, field in fields.items():
        properties[name] = field.schema()
        if field.null:
            properties[name]["type"] = [properties[name]["type"], "null"]
        if field.description:
            properties[name]["description"] = field.description
        if field.example is not None:
            properties[name]["examples"] = [field.example]
    required = [name for name, field in fields.items() if field.required]
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})
