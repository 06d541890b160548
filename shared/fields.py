"""Fields as tables: what a body or query may hold, checked with Django REST framework's rules and texts.

A table maps names to fields, in the order of their errors. The same table drives validation and the OpenAPI
document. JSON numbers arrive as `Number`, the text as it was written, so nothing is ever a float.
"""

import re
import unicodedata
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from shared.errors import Invalid
from shared.money import paise_from_text, rupees

IST = timezone(timedelta(hours=5, minutes=30))
INTEGER_TEXT_LENGTH_MAX = 1_000
CARD_REFUSED = "Card numbers and security codes are not accepted."
CARD_KEYS = {
    "cardnumber",
    "pan",
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "csc",
    "securitycode",
    "cardcvv",
    "cardcvc",
    "track1",
    "track2",
}
TRUE = ("true", "t", "yes", "y", "on", "1", "1.0")
FALSE = ("false", "f", "no", "n", "off", "0", "0.0")
SEPARATORS_MAX = 3  # between two digits of one card number
# What Visa, Mastercard, Maestro, RuPay, American Express, Diners, Discover and JCB numbers begin with.
CARD_STARTS = re.compile(r"[3456]|2[2-7]|8[12]")
CARD_RUN = re.compile(rf"[0-9](?:[\s.\-_/\u2010-\u2015]{{0,{SEPARATORS_MAX}}}[0-9])+")


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class Rejected(Exception):
    """One text about one field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What every field knows: whether it must be there, may be null, and what stands in for it."""

    required: bool = False
    null: bool = False
    default: Any = None
    example: Any = None
    description: str = ""

    def read(self, value: Any) -> Any:
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Field):
    default: Any = ""
    length_max: int = 100
    blank: bool = True
    pattern: str | None = None
    message: str = "Enter a valid value."
    card_scan: bool = True

    def read(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | Number):
            raise Rejected("Not a valid string.")
        text = str(value).strip()
        if not text and (self.required or not self.blank):
            raise Rejected("This field may not be blank.")
        if "\x00" in text:
            raise Rejected("Null characters are not allowed.")
        if not _is_unicode(text):
            raise Rejected("Not a valid string.")
        if len(text) > self.length_max:
            raise Rejected(f"Ensure this field has no more than {self.length_max} characters.")
        if self.pattern and text and not re.fullmatch(self.pattern, text, re.ASCII):
            raise Rejected(self.message)
        return text

    def schema(self) -> dict[str, Any]:
        limits: dict[str, Any] = {"type": "string", "maxLength": self.length_max}
        return limits | ({"pattern": f"^({self.pattern})?$"} if self.pattern else {})


@dataclass(frozen=True, slots=True)
class Choice(Field):
    options: tuple[str, ...] = ()

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise Rejected(f'"{_printable(value)}" is not a valid choice.')
        return str(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.options)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(Field):
    default: Any = False

    def read(self, value: Any) -> bool:
        if value is True or value is False:
            return bool(value)
        if isinstance(value, str) and value.lower() in TRUE:
            return True
        if isinstance(value, str) and value.lower() in FALSE:
            return False
        raise Rejected("Must be a valid boolean.")

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(Field):
    minimum: int = 0
    maximum: int = 32_767

    def read(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, str):
            raise Rejected("A valid integer is required.")
        if len(value) > INTEGER_TEXT_LENGTH_MAX:
            raise Rejected("String value too large.")
        text = re.sub(r"\.0*\s*$", "", value.strip())
        if not re.fullmatch(r"[+-]?\d+", text):
            raise Rejected("A valid integer is required.")
        number = int(text)
        if number < self.minimum:
            raise Rejected(f"Ensure this value is greater than or equal to {self.minimum}.")
        if number > self.maximum:
            raise Rejected(f"Ensure this value is less than or equal to {self.maximum}.")
        return number

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount(Field):
    """Rupees in, as text or number; whole paise out."""

    minimum_paise: int = 100

    def read(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, str):
            raise Rejected("A valid number is required.")
        try:
            paise = paise_from_text(str(value))
        except ValueError as error:
            raise Rejected(str(error)) from None
        if paise < self.minimum_paise:
            raise Rejected(f"Ensure this value is greater than or equal to {rupees(self.minimum_paise)}.")
        return paise

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "decimal", "pattern": r"^[0-9]{1,8}(\.[0-9]{1,2})?$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Uuid(Field):
    def read(self, value: Any) -> str:
        found = uuid_from(value)
        if found is None:
            raise Rejected("Must be a valid UUID.")
        return found

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment(Field):
    """A time, or a date that means the start of that day in India; microseconds since 1970."""

    def read(self, value: Any) -> int:
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
            raise Rejected("Enter a valid date or time, such as 2026-01-09 or 2026-01-09T12:00:00Z.") from None

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


Fields = Mapping[str, Field]


def check(fields: Fields, data: Any, partial: bool = False) -> dict[str, Any]:
    """The values of a body by the table; Invalid with every bad field, in the table's order.

    Absent fields take their default; with `partial` they stay absent. Unknown keys are left out.
    """
    if data is None:
        raise Invalid({"non_field_errors": ["No data provided"]})
    if not isinstance(data, dict):
        number = "float" if isinstance(data, Number) and re.search(r"[.eE]", data) else "int"
        kind = number if isinstance(data, Number) else type(data).__name__
        raise Invalid({"non_field_errors": [f"Invalid data. Expected a dictionary, but got {kind}."]})
    values: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {name: [CARD_REFUSED] for name in _holding_cards(fields, data)}
    for name, field in fields.items():
        if name in wrong:
            continue
        if name not in data:
            if field.required and not partial:
                wrong[name] = ["This field is required."]
            elif not partial:
                values[name] = field.default
            continue
        try:
            values[name] = _value(field, data[name])
        except Rejected as reason:
            wrong[name] = [str(reason)]
    if wrong:
        raise Invalid({name: wrong[name] for name in [*fields, *wrong] if name in wrong})
    return values


def check_query(fields: Fields, query: Mapping[str, str]) -> dict[str, Any]:
    """The filters of a query string; empty ones count as absent, as django-filter has it."""
    values: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for name, field in fields.items():
        if not query.get(name):
            continue
        if _holds_card(field, name, query[name]):
            wrong[name] = [CARD_REFUSED]
            continue
        try:
            values[name] = field.read(query[name])
        except Rejected as reason:
            shown = _printable(query[name])
            choice = f"Select a valid choice. {shown} is not one of the available choices."
            wrong[name] = [choice if isinstance(field, Choice) else str(reason)]
    if wrong:
        raise Invalid(wrong)
    return values


def uuid_from(value: Any) -> str | None:
    """The canonical form of a UUID given in any case, with or without dashes."""
    text = str(value)
    if not re.fullmatch(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", text, re.ASCII):
        return None
    return str(uuid.UUID(text))


def _value(field: Field, value: Any) -> Any:
    if value is not None:
        return field.read(value)
    if not field.null:
        raise Rejected("This field may not be null.")
    return None


def _is_unicode(text: str) -> bool:
    """False for a lone surrogate, which JSON can spell and nothing can store."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(value: Any) -> str:
    text = value if isinstance(value, str) else type(value).__name__
    return text.encode("utf-8", "replace").decode()[:100]


# --- card data: refused whatever the field, since one number stored or logged would put all of this in its scope


def _holding_cards(fields: Fields, data: Mapping[str, Any]) -> list[str]:
    return [name for name, value in data.items() if _holds_card(fields.get(name), name, value)]


def _holds_card(field: Field | None, name: str, value: Any) -> bool:
    if field is None:
        texts = list(_texts(name, value))
    elif isinstance(value, str) and (isinstance(field, Choice) or isinstance(field, Text) and field.card_scan):
        texts = [value]  # a choice too: its error says what was sent
    else:
        return False
    return any(text is None or card_number_in(text) for text in texts)


def _texts(name: str, value: Any) -> Iterator[str | None]:
    """Every text below an unknown key; None for a key that is made to carry card data."""
    waiting = [(name, value)]
    while waiting:
        name, value = waiting.pop()
        if re.sub(r"[^a-z0-9]", "", name.lower()) in CARD_KEYS and value not in (None, ""):
            yield None
        if isinstance(value, dict):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [("", one) for one in value]
        elif isinstance(value, str) and not uuid_from(value):
            yield value


def card_number_in(text: str) -> bool:
    """Whether whole groups of digits join to 13 to 19 that a card scheme could have issued.

    Separators, invisible signs and other scripts' digits are folded. Only whole groups count: any long number
    has some stretch that passes the Luhn check, a date with a time among them.
    """
    folded = "".join(
        str(unicodedata.decimal(sign, "")) or sign for sign in text if unicodedata.category(sign) != "Cf"
    )
    for run in CARD_RUN.findall(folded):
        groups = re.findall(r"[0-9]+", run)
        for first in range(len(groups)):
            digits = ""
            for group in groups[first:]:
                digits += group
                if len(digits) > 19:
                    break
                if len(digits) >= 13 and CARD_STARTS.match(digits) and _luhn(digits):
                    return True
    return False


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def schema(fields: Fields) -> dict[str, Any]:
    """The table as a JSON schema."""
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
