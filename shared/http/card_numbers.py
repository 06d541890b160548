"""Detection of card numbers and of keys that carry card data.

A single card number that is stored or logged brings the whole service into PCI DSS scope, so a body or query that
holds one is refused.
"""

import re
import unicodedata

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
SEPARATORS_MAX = 3  # between two digits of a card number
# The first digits of Visa, Mastercard, Maestro, RuPay, American Express, Diners, Discover and JCB numbers.
CARD_STARTS = re.compile(r"[3456]|2[2-7]|8[12]")
CARD_RUN = re.compile(rf"[0-9](?:[\s.\-_/\u2010-\u2015]{{0,{SEPARATORS_MAX}}}[0-9])+")


def is_card_key(name: str) -> bool:
    """Whether a JSON key is meant for card data, however it is written: `cvv`, `card-number`, `Track1`."""
    return re.sub(r"[^a-z0-9]", "", name.lower()) in CARD_KEYS


def card_number_in(text: str) -> bool:
    """Whether whole groups of digits form a number of 13 to 19 digits that a card scheme could have issued.

    Separators, invisible characters and the digits of other scripts are normalized. Only whole groups count, because
    some part of almost any long number passes the Luhn check, a date with a time included.
    """
    normalized = "".join(
        str(unicodedata.decimal(character, "")) or character
        for character in text
        if unicodedata.category(character) != "Cf"
    )
    for run in CARD_RUN.findall(normalized):
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
