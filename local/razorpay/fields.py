"""What a request carries: a JSON object or a form, and the fields that several calls have."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from local.razorpay.responses import Rejected

FORM = "application/x-www-form-urlencoded"
NESTED = re.compile(r"(\w+)\[(\w+)\]", re.ASCII)  # `notes[refund]`, as forms and the Node SDK write it
# What a field of a control must be. A field has one type in all controls; those that are not here are checked later.
TEXTS = (
    *(
        "order_id",
        "payment_id",
        "refund_id",
        "dispute_id",
        "token_id",
        "event_id",
        "customer_id",
        "method",
        "outcome",
    ),
    *("status", "order", "secret", "family", "token", "activation", "vpa", "bank", "wallet", "reason"),
    *("path", "fault", "contact"),
)
TICKS = ("hold", "tamper", "drop", "saved_cards", "save", "duplicate_token")
NULLABLE = ("paise", "body")
TIMES_MAX, LATE_S_MAX = 1_000_000, 3_600
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
        if name not in sent or (sent[name] is None and name not in NULLABLE):
            raise Rejected(f"field {name!r} is required")
    for name, value in sent.items():
        if value is not None and (problem := _problem(name, value)):
            raise Rejected(f"{name} must be {problem}", field=name)


def _problem(name: str, value: Any) -> str:
    """What a control's field must be, if it is something else."""
    if name in TEXTS and not isinstance(value, str):
        return "a text"
    if name in TICKS and not isinstance(value, bool):
        return "true or false"
    if name == "times" and not (type(value) is int and 0 < value <= TIMES_MAX):
        return f"a whole number from 1 to {TIMES_MAX}"
    if name == "late_s" and not (type(value) in (int, float) and 0 <= value <= LATE_S_MAX):
        return f"a number of seconds up to {LATE_S_MAX}"
    if name == "card" and not (isinstance(value, dict) and all(isinstance(part, str) for part in value.values())):
        return "an object of texts"
    return ""
