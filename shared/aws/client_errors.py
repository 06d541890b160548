"""The errors of buckets and queues: which are transient, and which are mistakes of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from shared.errors import ServiceUnavailable
from shared.telemetry import journal

TRANSIENT_ERRORS = {
    "SlowDown",
    "InternalError",
    "ServiceUnavailable",
    "RequestTimeout",
    "RequestThrottled",
    "ThrottlingException",
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestTimeTooSkewed",
}


@contextmanager
def translate_errors(service: str) -> Iterator[None]:
    """Raise ServiceUnavailable for a transient error; a mistake of ours stays what it is."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        journal.breadcrumb(f"{service}: {error.operation_name} {code}")
        if code in TRANSIENT_ERRORS or status >= 500:
            raise ServiceUnavailable from error
        raise
    except (HTTPClientError, BotoConnectionError) as error:
        journal.breadcrumb(f"{service}: {type(error).__name__}")
        raise ServiceUnavailable from error
