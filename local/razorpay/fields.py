"""What a request carries: a JSON object or a form, and the fields that several calls have."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from local.razorpay.responses import Rejected

FORM = "application/x-www-form-urlencoded"
NESTED = re.compile(r"(\w+)\[(\w+)\]", re.ASCII)  # `notes[refund]`, as forms and the Node SDK write it
NOTE_PAIRS_MAX, NOTE_LENGTH_MAX, RECEIPT_LENGTH_MAX = 15, 256, 40


def sent_fields(body: bytes, content_type: str) -> dict[str, Any]:
    """The fields of a request; in a form, the amount is a number in digits."""
    if content_type.startswith(FORM):
        fields: Any = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        amount = fields.get("amount", "")
        if amount.isascii() and amount.isdigit():
            fields["amount"] = int(amount)
    else:
        try:
            fields = json.loads(body or b"{}")
        except ValueError:
            raise Rejected("The request body is not valid JSON") from None
    return _nest(fields) if isinstance(fields, dict) else {}


def _nest(fields: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in fields.items():
        if match := NESTED.fullmatch(name):
            nested.setdefault(match[1], {})[match[2]] = value
        else:
            nested[name] = value
    return nested


def amount_of(sent: dict[str, Any]) -> int:
    amount = sent.get("amount")
    if amount is None:
        raise Rejected("amount: is required.", field="amount")
    if type(amount) is not int:
        raise Rejected("The amount must be an integer.", field="amount")
    if amount < 100:
        raise Rejected("The amount must be at least INR 1.00", field="amount")
    return amount


def receipt_of(sent: dict[str, Any]) -> str | None:
    receipt = sent.get("receipt")
    if receipt is None or (isinstance(receipt, str) and len(receipt) <= RECEIPT_LENGTH_MAX):
        return receipt
    raise Rejected("The receipt may not be greater than 40 characters.", field="receipt")


def notes_of(sent: dict[str, Any]) -> Any:
    """The notes as an object; Razorpay writes no notes as an empty list."""
    notes: Any = sent.get("notes") or []
    if notes and not isinstance(notes, dict):
        raise Rejected("The notes must be an object.", field="notes")
    if notes and (len(notes) > NOTE_PAIRS_MAX or any(len(str(note)) > NOTE_LENGTH_MAX for note in notes.values())):
        raise Rejected("The notes are too many or too long.", field="notes")
    return notes


def check_fields(sent: dict[str, Any], required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    """Rejected if a control's field is unknown or missing; Razorpay itself ignores unknown fields."""
    for name in sent:
        if name not in (*required, *optional):
            raise Rejected(f"unknown field {name!r}, known fields: {', '.join((*required, *optional)) or 'none'}")
    for name in required:
        if name not in sent:
            raise Rejected(f"field {name!r} is required")
