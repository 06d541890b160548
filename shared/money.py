"""Money as whole paise: exact in from text, exact out to rupees, never a float."""

from decimal import Decimal, InvalidOperation

TEXT_LENGTH_MAX = 1_000
DIGITS_MAX = 10
PLACES = 2


def paise_from_text(text: str) -> int:
    """Rupees as Django's DecimalField(10, 2) reads them, in paise; ValueError carries its text.

    Digits are counted on the parsed tuple before any arithmetic: `1E1000000` is nine characters that would
    otherwise cost half a minute.
    """
    if len(text) > TEXT_LENGTH_MAX:
        raise ValueError("String value too large.")
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError("A valid number is required.") from None
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):  # NaN and Infinity
        raise ValueError("A valid number is required.")
    whole = max(len(digits) + exponent, 0)
    places = max(-exponent, 0)
    if whole + places > DIGITS_MAX:
        raise ValueError(f"Ensure that there are no more than {DIGITS_MAX} digits in total.")
    if places > PLACES:
        raise ValueError(f"Ensure that there are no more than {PLACES} decimal places.")
    if whole > DIGITS_MAX - PLACES:
        raise ValueError(f"Ensure that there are no more than {DIGITS_MAX - PLACES} digits before the decimal point.")
    paise = int("".join(map(str, digits))) * int(10 ** (exponent + PLACES))
    return -paise if sign else paise


def rupees(paise: int) -> str:
    """`50000` as `500.00`."""
    sign = "-" if paise < 0 else ""
    return f"{sign}{abs(paise) // 100}.{abs(paise) % 100:02d}"
