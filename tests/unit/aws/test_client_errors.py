"""Errors of buckets and queues: which can be tried again, and which stay what they are."""

import pytest
from botocore.exceptions import ClientError

from shared.aws.client_errors import TRANSIENT_ERRORS, translate_errors
from shared.errors import ServiceUnavailable
from shared.telemetry import journal
from tests.unit.aws.conftest import UNREACHABLE


def refusal(code: str, status: int = 400) -> ClientError:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "ReceiveMessage")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [*map(refusal, sorted(TRANSIENT_ERRORS)), refusal("Strange", 500), *UNREACHABLE],
    ids=lambda error: str(error)[:40],
)
def test_transient_error_is_503(error: Exception) -> None:
    with pytest.raises(ServiceUnavailable), translate_errors("queues"):
        raise error


@pytest.mark.parametrize("code", ["AccessDenied", "QueueDoesNotExist"])
def test_mistake_of_ours_stays_what_it_is(code: str) -> None:
    journal.drain()
    with pytest.raises(ClientError), translate_errors("queues"):
        raise refusal(code)
    assert journal.drain()[1] == [f"queues: ReceiveMessage {code}"]
