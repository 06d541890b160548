"""DynamoDB's values, `{"S": "a"}`, with its rules for numbers, and the errors of a request."""

import re
from decimal import Context, Decimal
from typing import Any

Value = dict[str, Any]
Item = dict[str, Value]
Path = tuple[str | int, ...]

DIGITS_MAX = 38
EXACT = Context(prec=60)
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
SHORT = re.compile(r"-?[1-9][0-9]{0,37}|0", re.ASCII)


class Invalid(Exception):
    """A request that DynamoDB rejects with a ValidationException."""


class Inapplicable(Invalid):
    """An update that the stored item does not allow; in a transaction it cancels the transaction."""


def number(text: Any) -> str:
    """A number as DynamoDB stores it: ASCII, at most 38 significant digits, no exponent, no superfluous zeros."""
    if not isinstance(text, str) or not NUMBER.fullmatch(text):
        raise Invalid("The parameter cannot be converted to a numeric value")
    if SHORT.fullmatch(text):
        return text
    value = Decimal(text)
    _, digits, exponent = value.normalize(EXACT).as_tuple()
    if len(Decimal(text).as_tuple().digits) > DIGITS_MAX and len(str(int("".join(map(str, digits))))) > DIGITS_MAX:
        raise Invalid("Attempting to store more than 38 significant digits in a Number")
    if value and not -130 <= value.adjusted() <= 125:
        raise Invalid("Number overflow or underflow")
    if not isinstance(exponent, int):
        raise Invalid("The parameter cannot be converted to a numeric value")
    return format(value.normalize(EXACT), "f") if value else "0"


def normalize(value: Any) -> Value:
    """A value with its numbers as DynamoDB stores them; Invalid for anything that is not a value."""
    if not isinstance(value, dict) or len(value) != 1:
        raise Invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    ((kind, inner),) = value.items()
    match kind:
        case "S" if isinstance(inner, str):
            return value
        case "B" if isinstance(inner, str):  # base64
            return value
        case "N":
            return {"N": number(inner)}
        case "BOOL" | "NULL" if isinstance(inner, bool):
            return value
        case "M" if isinstance(inner, dict):
            return {"M": {name: normalize(value) for name, value in inner.items()}}
        case "L" if isinstance(inner, list):
            return {"L": [normalize(value) for value in inner]}
    raise NotImplementedError(f"a value of kind {kind}")


def to_python(value: Value) -> Any:
    """A stored value as a Python value."""
    ((kind, inner),) = value.items()
    match kind:
        case "N":
            return int(inner)
        case "M":
            return {name: to_python(value) for name, value in inner.items()}
        case "L":
            return [to_python(value) for value in inner]
        case "NULL":
            return None
    return inner
