"""Errors in Hindi: who gets them, and what stays as it is."""

import json
from typing import Any

import pytest

from shared.errors import ApiError, Conflict, InsufficientFunds, NotFound, Throttled, ValidationError
from shared.http import fields
from shared.http.endpoint import Endpoint, Request, Response
from shared.http.hindi import is_preferred
from tests.support.lambda_events import LambdaContext, request_event

HINDI = "hi-IN,hi;q=0.9,en;q=0.8"


def answer(error: Exception | None, language: str | None, body: str = "") -> tuple[dict[str, str], Any]:
    """The response's headers and body, of an endpoint that takes an amount and then raises the error."""

    def view(request: Request) -> Response:
        if error:
            raise error
        return Response(200, {})

    table = {"amount": fields.Amount(required=not error)}
    endpoint = Endpoint(route=("POST", "/api/x"), responses={200: {}}, body=table)
    event = request_event(body=body)
    if language is not None:
        event["headers"] |= {"Accept-Language": language}
    response = endpoint(view)(event, LambdaContext())
    return {name: values[0] for name, values in response["multiValueHeaders"].items()}, json.loads(response["body"])


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False),
        ("en", False),
        ("hi", True),
        ("HI-in", True),
        (HINDI, True),
        ("en-IN, hi;q=0.9", False),
        ("en;q=0.5, hi;q=0.9", True),
        ("hi, en", True),
        ("en, hi", False),
        ("hi;q=0", False),
        ("*, hi;q=0.5", True),
        ("chi", False),
        ("hi;q=x", False),
    ],
)
def test_hindi_is_preferred_by_weight_then_order(header: str, expected: bool) -> None:
    assert is_preferred(header) is expected


@pytest.mark.parametrize("language", [None, "", "en-IN", "en, hi;q=0.5", "fr", "*"])
def test_others_get_the_recorded_english_text(language: str | None) -> None:
    headers, body = answer(InsufficientFunds(), language)
    assert body == {"detail": InsufficientFunds.text, "code": "insufficient_funds"}
    assert "Content-Language" not in headers


def test_hindi_changes_the_text_alone() -> None:
    headers, body = answer(InsufficientFunds(), HINDI)
    assert body == {"detail": "इस भुगतान के लिए वॉलेट में पर्याप्त राशि नहीं है।", "code": "insufficient_funds"}
    assert (headers["Content-Language"], headers["X-Error-Code"]) == ("hi", "insufficient_funds")


@pytest.mark.parametrize(
    ("error", "value"),
    [
        (Conflict("412.50 of this payment can be refunded.", code="refund_limit"), "412.50"),
        (Throttled(17), "17"),
        (Conflict("This top-up would exceed the wallet limit of 200000.00.", code="wallet_limit"), "200000.00"),
    ],
)
def test_values_stay_in_the_hindi_text(error: ApiError, value: str) -> None:
    detail = answer(error, HINDI)[1]["detail"]
    assert value in detail and detail != error.text


def test_unexpected_error_is_answered_in_hindi() -> None:
    assert "सर्वर" in answer(RuntimeError("secret"), HINDI)[1]["detail"]
    assert answer(RuntimeError("secret"), "en")[1] == {"detail": "A server error occurred."}


def test_field_errors_are_answered_in_hindi() -> None:
    assert answer(None, HINDI, '{"amount": "0.50"}')[1] == {"amount": ["यह 1.00 या उससे ज़्यादा होना चाहिए।"]}
    assert answer(None, HINDI)[1] == {"amount": ["यह जानकारी ज़रूरी है।"]}


def test_text_without_a_translation_stays_english() -> None:
    assert answer(Conflict("A new text.", code="new_code"), HINDI)[1] == {"detail": "A new text.", "code": "new_code"}
    assert answer(ValidationError({"x": ["New."]}), HINDI)[1] == {"x": ["New."]}


def test_one_code_has_texts_of_its_own_for_each_status() -> None:
    assert answer(NotFound(), HINDI)[1]["detail"] == "नहीं मिला।"
    spent = Conflict("The wallet no longer holds this amount.", code="insufficient_funds")
    assert answer(spent, HINDI)[1]["detail"] == "वॉलेट में अब इतनी राशि नहीं है।"
