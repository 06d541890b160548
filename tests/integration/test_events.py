"""The sample events, one per trigger, as AWS sends them and `sam local invoke` uses them; each is invoked here."""

import pytest

from local.template import Template
from tests.support.lambda_events import EVENTS, sample_event
from tests.support.local_stack import LocalStack

# The events cannot know the ids of stored rows, so some of them are about rows that do not exist.
STATUSES = {
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
    "ListPaymentLimits": 200,
    "CreatePayment": 201,
    "RetrievePayment": 200,  # what AddWalletBalance created: its id is derived from its key
    "ListRefunds": 200,
    "CreateRefund": 403,  # only staff may ask for it
    "RetrieveRefund": 404,
    "SyncPayment": 202,
    "VerifyPayment": 400,  # a forged signature
    "ReceiveWebhook": 200,
    "SearchStaff": 200,
    "RetrieveStaffPayment": 200,  # the same
    "RetrieveStaffCustomer": 200,
    "RetrieveStaffEvidence": 404,  # a payment without disputes
    "BlockStaffWallet": 200,
    "CheckStaffWallet": 200,
    "ListStaffReviews": 200,
    "ResolveStaffReview": 404,
    "ReleaseStaffClaim": 404,
    "ListStaffWebhooks": 200,
    "ReplayStaffWebhook": 404,
    "CreateStaffAdjustment": 202,
    "CreateStaffWaiver": 202,
    "ListStaffProposals": 200,
    "DecideStaffProposal": 404,
    "CreateStaffRefund": 409,  # of a top-up that is not paid
    "CreateImageUpload": 201,
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


def test_every_function_has_an_event() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == set(Template().functions)


@pytest.mark.parametrize("function", STATUSES)
def test_event_matches_one_route_of_its_function(function: str) -> None:
    sent = sample_event(function)
    (route,) = [
        route
        for route in Template().routes
        if (route.method, route.path, route.function) == (sent["httpMethod"], sent["resource"], function)
    ]
    assert route.match(sent["httpMethod"], sent["path"]) == (sent["pathParameters"] or {})
    assert ("authorizer" in sent["requestContext"]) != route.is_open


@pytest.fixture(scope="module")
def started(local_stack: LocalStack) -> None:
    """Create the top-up that other events are about."""
    local_stack.invoke("AddWalletBalance", sample_event("AddWalletBalance"))


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("function", STATUSES)
def test_event_of_a_route_gets_its_status(function: str, local_stack: LocalStack) -> None:
    response = local_stack.invoke(function, sample_event(function))
    assert response["statusCode"] == STATUSES[function], response["body"]


@pytest.mark.parametrize("function", COUNTS)
def test_event_of_a_trigger_gets_its_counts(function: str, local_stack: LocalStack) -> None:
    counts = local_stack.invoke(function, sample_event(function))
    assert COUNTS[function].items() <= counts.items()


@pytest.mark.parametrize("function", ["Authorize", "AuthorizeStaff"])
def test_authorizer_event_is_denied_with_a_code(function: str, local_stack: LocalStack) -> None:
    answer = local_stack.invoke(function, sample_event(function))
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    assert answer["context"]["code"] == "token_invalid" and "sub" not in answer["context"]
