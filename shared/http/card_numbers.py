"""Detection of card numbers and of keys that carry card data.

A single card number that is stored or logged brings the whole service into PCI DSS scope, so a body or query that
holds one is refused. Customers also write phone numbers, PIN codes, dates and order numbers, side by side. So digits
count only in a shape in which cards are written, with the first digits and the length of an issuer, and with a valid
check digit.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping

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

# The first digits of the numbers that each scheme issues, and their lengths.
ISSUERS: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "Visa": (r"4", (13, 16, 19)),
    "Mastercard": (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),
    "American Express": (r"3[47]", (15,)),
    "Diners Club": (r"30[0-5]|3095|3[689]", (14, 16, 17, 18, 19)),
    "Discover": (r"6011|64[4-9]|65", (16, 17, 18, 19)),
    "JCB": (r"35(?:2[89]|[3-8])", (16, 17, 18, 19)),
    "JCB, former": (r"2131|1800", (15,)),
    "Mir": (r"220[0-4]", (16, 17, 18, 19)),
    "RuPay": (r"508|60|65|8[12]|35[36]", (16,)),
    "UnionPay": (r"62|81", (16, 17, 18, 19)),
    # 5010 begins the account numbers of HDFC Bank, which have 14 digits.
    "Maestro": (r"50(?!10)|5[6-8]|63|67|0604", (13, 14, 15, 16, 17, 18, 19)),
}
DIGITS_MIN = 13
# The patterns are texts, which `re` compiles and caches at their first use: few functions ever use them.
FIRST_DIGITS = {
    length: "|".join(first for first, lengths in ISSUERS.values() if length in lengths)
    for length in range(DIGITS_MIN, 20)
}

# What separates the groups of a number. Within one number it is always the same: `2345 6789 0123 / 4567` is none.
BLANK_SEPARATORS = (r" {1,3}", r"\n")
SEPARATORS = (*BLANK_SEPARATORS, "-", " - ", r"\.", "/", "_")


def _in_groups(separator: str) -> str:
    """Groups of 4-4-4-4 and 4-4-4-4-3 digits, of 4-6-5 (American Express) and 4-6-4 (Diners Club).

    4-6-5 is no card when a single group of five follows: then its last group is the first half of a phone number,
    behind an order number and a PIN code.
    """
    begins = r"(?<![0-9][-./_])" if separator in BLANK_SEPARATORS else ""  # `7494/4598/5874 6193 7147 9345`
    fours = rf"{begins}[0-9]{{4}}(?:{separator}[0-9]{{4}}){{3}}(?:{separator}[0-9]{{3}})?"
    five = rf"{separator}[0-9]{{5}}(?![0-9])"
    return rf"{fours}|3[0-9]{{3}}{separator}[0-9]{{6}}(?:{five}(?!{five}(?!{five}))|{separator}[0-9]{{4}})"


ONE_RUN = r"(?<![0-9])[0-9]{13,19}(?![0-9])"
# In a lookahead, because the groups of two candidates may overlap. Without a last group that begins a 4-4-4 with
# another separator, which is an Aadhaar number.
IN_GROUPS = rf"(?<![0-9])(?=({'|'.join(map(_in_groups, SEPARATORS))})(?![0-9])(?!([-./])[0-9]{{4}}\2[0-9]{{4}}))[0-9]"
# Every digit by itself: the longest such sequence, which is a number as a whole or not at all.
DIGIT_BY_DIGIT = rf"(?<![0-9])[0-9](?![0-9])(?:{'|'.join(rf'(?:{sep}[0-9](?![0-9])){{12,}}' for sep in SEPARATORS)})"
# A year in front, since behind an Aadhaar number (4-4-4) the year would make it 4-4-4-4.
DATE = r"(?<![0-9])(?<![0-9][-./])(?:19|20)[0-9]{2}([-./])(?:0?[1-9]|1[0-2])\1[0-3]?[0-9](?![0-9])"

ASCII_FOLDED = str.maketrans("\t\v\f", "   ", "\r")
SIGNS = {"\u2212": "-", "\u00b7": ".", "\u2022": ".", "\u2044": "/", "\u2215": "/", "\uff0e": ".", "\uff0f": "/"}
BLANKS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and symbols that are displayed as a space
# The value of each digit for Luhn's sum, single and doubled.
SINGLE = bytes.maketrans(b"0123456789", bytes(range(10)))
DOUBLED = bytes.maketrans(b"0123456789", bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))


def is_card_key(name: str) -> bool:
    """Whether a JSON key is meant for card data, however it is written: `cvv`, `card-number`, `Track1`."""
    return re.sub(r"[^a-z0-9]", "", name.lower()) in CARD_KEYS


def card_number_in(text: str) -> bool:
    """Whether the text contains a number that a card scheme could have issued, in a shape in which cards are written.

    Invisible characters are ignored, and the digits, spaces and dashes of other scripts count as ASCII's.
    """
    return any(re.match(FIRST_DIGITS[len(digits)], digits) and _luhn(digits) for digits in candidates(text))


def candidates(text: str) -> Iterator[str]:
    """The digits of everything that has the shape of a card number; at most three for each group of digits."""
    if len(text) < DIGITS_MIN:
        return
    folded = re.sub(DATE, ",", _fold(text))
    yield from re.findall(ONE_RUN, folded)
    for found, _ in re.findall(IN_GROUPS, folded):
        digits = _digits(found)
        yield digits
        if len(digits) == 19:
            yield digits[:16]  # three digits may also be the security code behind 4-4-4-4
    for found in re.findall(DIGIT_BY_DIGIT, folded):
        digits = _digits(found)
        if len(digits) <= 19:
            yield digits


def _fold(text: str) -> str:
    """The text with ASCII digits, spaces and separators, and without characters that nobody sees."""
    if not text.isascii():
        text = text.translate({ord(character): _fold_character(character) for character in set(text)})
    return text.translate(ASCII_FOLDED)


def _fold_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category in ("Cf", "Mn", "Me"):
        return ""
    if category == "Zs" or character in BLANKS:
        return " "
    if category in ("Zl", "Zp"):
        return "\n"
    if category == "Pd":
        return "-"
    return SIGNS.get(character, character)


def _digits(found: str) -> str:
    """The candidate without its separator, which is a single character, or a hyphen between spaces."""
    separator = found.lstrip("0123456789")[0]
    return found.replace(separator, "").replace("-", "")


def _luhn(digits: str) -> bool:
    ascii_digits = digits.encode()
    single, doubled = ascii_digits[-1::-2].translate(SINGLE), ascii_digits[-2::-2].translate(DOUBLED)
    return (sum(single) + sum(doubled)) % 10 == 0
