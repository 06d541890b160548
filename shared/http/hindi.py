"""The texts of errors in Hindi, for callers whose Accept-Language prefers it. Only such a call imports this.

A text that has no translation stays English.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from shared.error_catalogue import CATALOGUE

# Django's texts about fields, and those that this service adds. `{}` stands for a value.
FIELD_TEXTS: Mapping[str, str] = {
    "This field is required.": "यह जानकारी ज़रूरी है।",
    "This is not the customer of this wallet.": "यह वॉलेट इस ग्राहक का नहीं है।",
    "This field may not be null.": "यह जानकारी खाली नहीं हो सकती।",
    "This field may not be blank.": "यह जानकारी खाली नहीं हो सकती।",
    "Not a valid string.": "यह मान्य टेक्स्ट नहीं है।",
    "Enter a valid value.": "सही जानकारी भरें।",
    "Ensure this field has no more than {} characters.": "यहाँ {} से ज़्यादा अक्षर नहीं हो सकते।",
    "Null characters are not allowed.": "इसमें ऐसे अक्षर हैं जो मान्य नहीं हैं।",
    "Surrogate characters are not allowed: U+{}.": "इसमें ऐसे अक्षर हैं जो मान्य नहीं हैं।",
    '"{}" is not a valid choice.': '"{}" मान्य विकल्प नहीं है।',
    "Select a valid choice. {} is not one of the available choices.": "{} उपलब्ध विकल्पों में नहीं है।",
    "Must be a valid boolean.": "यहाँ true या false होना चाहिए।",
    "A valid integer is required.": "यहाँ पूरी संख्या होनी चाहिए।",
    "A valid number is required.": "यहाँ सही संख्या होनी चाहिए।",
    "String value too large.": "यह संख्या बहुत लंबी है।",
    "Ensure this value is greater than or equal to {}.": "यह {} या उससे ज़्यादा होना चाहिए।",
    "Ensure this value is less than or equal to {}.": "यह {} या उससे कम होना चाहिए।",
    "Ensure that there are no more than {} digits in total.": "कुल {} से ज़्यादा अंक नहीं हो सकते।",
    "Ensure that there are no more than {} decimal places.": "दशमलव के बाद {} से ज़्यादा अंक नहीं हो सकते।",
    "Ensure that there are no more than {} digits before the decimal point.": (
        "दशमलव से पहले {} से ज़्यादा अंक नहीं हो सकते।"
    ),
    "Must be a valid UUID.": "यह पहचान संख्या (id) सही नहीं है।",
    "Enter a valid date or time, such as {}.": "सही तारीख या समय भरें, जैसे 2026-01-09।",
    "No data provided": "कोई जानकारी नहीं भेजी गई।",
    "Invalid data. Expected a dictionary, but got {}.": "भेजी गई जानकारी सही रूप में नहीं है।",
    "Card numbers and security codes are not accepted.": "कार्ड नंबर और सुरक्षा कोड (CVV) यहाँ न भेजें।",
    "No file was submitted.": "कोई फ़ाइल नहीं भेजी गई।",
    "The submitted data was not a file. Check the encoding type on the form.": "भेजी गई जानकारी फ़ाइल नहीं है।",
    "The submitted file is empty.": "भेजी गई फ़ाइल खाली है।",
    "Use 1 to 255 printable ASCII characters without spaces.": "1 से 255 ASCII अक्षर भरें, बिना खाली जगह के।",
    "Enter a valid UPI ID.": "सही UPI ID भरें।",
    "Enter the SHA-256 of the photo as 64 hexadecimal digits.": "फ़ोटो का SHA-256, 64 hexadecimal अंकों में भरें।",
    "Enter a phone number like {}.": "फ़ोन नंबर इस तरह भरें: {}",
    "Not a payment id.": "यह भुगतान की पहचान संख्या (id) नहीं है।",
    "This header is required for a payment from the wallet.": "वॉलेट से भुगतान के लिए यह header ज़रूरी है।",
    "This header is required for a refund.": "रिफ़ंड के लिए यह header ज़रूरी है।",
    "A top-up can be refunded to its source only.": "वॉलेट में जोड़ा गया पैसा उसी स्रोत में वापस जा सकता है।",
    "A payment from the wallet can be refunded to the wallet only.": "वॉलेट से किया भुगतान वॉलेट में ही वापस जा सकता है।",
    'save_method requires "source": "gateway".': 'save_method के लिए "source": "gateway" ज़रूरी है।',
    "This field is required to save the payment method.": "भुगतान का तरीका सेव करने के लिए यह जानकारी ज़रूरी है।",
    "Card last 4 digits are required for card payment method.": "कार्ड के आख़िरी 4 अंक ज़रूरी हैं।",
    "UPI ID is required for UPI payment method.": "UPI के लिए UPI ID ज़रूरी है।",
    "Bank name is required for net banking payment method.": "नेट बैंकिंग के लिए बैंक का नाम ज़रूरी है।",
    "Wallet provider is required for wallet payment method.": "वॉलेट के लिए उसकी कंपनी का नाम ज़रूरी है।",
    'Invalid pk "{}" - object does not exist.': "सेव किया गया यह तरीका नहीं मिला।",
    "This card is {} and cannot be used.": "यह कार्ड अभी इस्तेमाल नहीं किया जा सकता।",
    '"{}" is no action for {}.': '"{}" यहाँ नहीं किया जा सकता।',
}
LANGUAGE = re.compile(r"\s*([A-Za-z]{1,8})[\w-]*\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")


def is_preferred(accept_language: str) -> bool:
    """Whether Hindi stands before English: the higher `q` wins, then the earlier one."""
    weights: dict[str, float] = {}
    for item in accept_language.split(","):
        if match := LANGUAGE.fullmatch(item):
            weights.setdefault(match[1].lower(), float(match[2] or 1))
    order = list(weights)
    hindi, english = weights.get("hi", 0.0), weights.get("en", 0.0)
    return hindi > english or hindi == english > 0 and order.index("hi") < order.index("en")


def translate_error(status: int, code: str, body: Any) -> Any:
    """The body of an error with its texts in Hindi. Keys, codes and shape stay."""
    if not isinstance(body, dict):
        return body
    if "detail" in body and isinstance(body["detail"], str):
        texts = next((entry.texts for entry in CATALOGUE if (entry.status, entry.code) == (status, code)), {})
        return body | {"detail": translate(body["detail"], texts)}
    return {name: [translate(text, FIELD_TEXTS) for text in texts] for name, texts in body.items()}


def translate(text: str, texts: Mapping[str, str]) -> str:
    """The Hindi of an English text, with the same values; the text itself if `texts` does not have it."""
    if text in texts:
        return texts[text]
    for english, hindi in texts.items():
        if match := _pattern(english).fullmatch(text):
            return hindi.format(*match.groups())
    return text


@cache
def _pattern(english: str) -> re.Pattern[str]:
    return re.compile(re.escape(english).replace(r"\{\}", "(.+?)"), re.DOTALL)
