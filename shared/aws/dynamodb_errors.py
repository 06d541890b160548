"""DynamoDB's errors: which are transient, which are conflicts, and which are mistakes of ours."""

from pynamodb.exceptions import PynamoDBException

from shared.errors import ServiceUnavailable
from shared.telemetry import journal

TRANSIENT_ERRORS = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionConflictException",
    "ExpiredTokenException",
    "RequestTimeTooSkewed",
}
CONFLICTS = ("TransactionInProgressException", "TransactionConflictException")
CONFLICT_REASONS = ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")


class TransactionConflict(Exception):
    """Another transaction holds a row, or the table throttles. Nothing was written: read again and retry."""


def conflict() -> TransactionConflict:
    journal.breadcrumb("tables: transaction conflict")
    return TransactionConflict()


def translated(error: PynamoDBException) -> Exception:
    """ServiceUnavailable for a transient error; a mistake of ours stays what it is."""
    code = code_of(error)
    journal.breadcrumb(f"tables: {code or type(error.cause).__name__}")
    if code is None or code in TRANSIENT_ERRORS or code.startswith("5"):
        return ServiceUnavailable()
    return error


def code_of(error: PynamoDBException) -> str | None:
    """DynamoDB's error code, None when no response arrived: a timeout has a `response` too, which is None."""
    response = getattr(error.cause, "response", None) or {}
    code = response.get("Error", {}).get("Code")
    return str(code) if code else None
