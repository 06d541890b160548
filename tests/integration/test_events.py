"""One event a trigger, as AWS sends it: for `sam local invoke`, and each answered here by its function."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.template import Template
from tests.conftest import Bundle

EVENTS = Path(__file__).resolve().parent.parent / "events"
# The events know no id of what was saved before them; a method that is not there is the honest answer.
ANSWERS = {
    "ListPaymentMethods": 200,
    "CreatePaymentMethod": 201,
    "RetrievePaymentMethod": 404,
    "UpdatePaymentMethod": 404,
    "DeletePaymentMethod": 404,
    "SetDefaultPaymentMethod": 404,
    "ListWallets": 200,
    "RetrieveWallet": 200,
    "ListWalletTransactions": 200,
    "AddWalletBalance": 201,
    "ListPayments": 200,
    "CreatePayment": 201,
    "RetrievePayment": 200,  # what AddWalletBalance started, whose id follows from its key
    "SyncPayment": 202,
    "VerifyPayment": 400,  # a forged signature
    "ReceiveWebhook": 200,
    "UploadImage": 201,
    "ListImages": 200,
    "RetrieveImage": 404,
    "DeleteImage": 404,
}
COUNTS: dict[str, dict[str, int]] = {
    "ReconcilePayments": {"ReconcileFailed": 0},
    "AuditWallets": {"EntriesAudited": 2, "LedgerDrift": 0},
    "AuditPayments": {"TopUpsAudited": 1},
    "SweepImages": {"SweepFailed": 0},
    "CompressImage": {"uploads": 1},
}


def event(function: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / f"{function}.json").read_text()))


def test_every_function_has_its_event() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == set(Template().functions)


@pytest.mark.parametrize("function", ANSWERS)
def test_a_functions_event_is_a_call_of_one_of_its_routes(function: str) -> None:
    sent = event(function)
    (route,) = [
        one
        for one in Template().routes
        if (one.method, one.path, one.function) == (sent["httpMethod"], sent["resource"], function)
    ]
    assert route.match(sent["httpMethod"], sent["path"]) == (sent["pathParameters"] or {})
    assert ("authorizer" in sent["requestContext"]) != route.is_open


@pytest.fixture(scope="module")
def started(bundle: Bundle) -> None:
    """The top-up that other events ask about."""
    bundle.invoke("AddWalletBalance", event("AddWalletBalance"))


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("function", ANSWERS)
def test_the_event_of_a_route_is_answered(function: str, bundle: Bundle) -> None:
    answer = bundle.invoke(function, event(function))
    assert answer["statusCode"] == ANSWERS[function], answer["body"]


@pytest.mark.parametrize("function", COUNTS)
def test_the_event_of_a_schedule_or_stream_is_counted(function: str, bundle: Bundle) -> None:
    counts = bundle.invoke(function, event(function))
    assert COUNTS[function].items() <= counts.items()


def test_the_event_of_the_authorizer_is_refused_by_the_word_that_makes_a_401(bundle: Bundle) -> None:
    with pytest.raises(AssertionError, match="Unauthorized"):
        bundle.invoke("Authorize", event("Authorize"))
