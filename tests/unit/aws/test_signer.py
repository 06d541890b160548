"""A call is signed as botocore's own signer signs it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore import auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from shared.private_names import Signer

AT = datetime(2026, 3, 1, 23, 59, 59)
HOSTS = (
    "https://dynamodb.ap-south-1.amazonaws.com/",
    "http://127.0.0.1:8000/",
    "https://sqs.example:443/a%20b?x=1&a=",
)
NAMES = st.sampled_from(["X-Amz-Target", "Content-Type", "User-Agent", "X-Amzn-Trace-Id", "x-a", "X-B", "Host"])
VALUES = st.text("ab c,;=", max_size=9)


def headers_of(
    kind: Any, at: datetime, url: str, headers: dict[str, str], body: bytes | str, key: Credentials, region: str
) -> dict[str, str]:
    """The headers of a request that this kind of signer has signed at this time, and signed again as in a retry."""
    request = AWSRequest("POST", url, headers, body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "get_current_datetime", lambda: at)
        for _ in range(2):
            kind(key, "dynamodb", region).add_auth(request)
    return dict(request.headers.items())


@given(
    url=st.sampled_from(HOSTS),
    headers=st.dictionaries(NAMES, VALUES, max_size=4),
    body=st.binary(max_size=9) | st.text(max_size=9),
    token=st.sampled_from([None, "token"]),
    region=st.sampled_from(["ap-south-1", "eu-west-1"]),
    days=st.integers(0, 3),
)
def test_signature_is_that_of_botocore(
    url: str, headers: dict[str, str], body: bytes | str, token: str | None, region: str, days: int
) -> None:
    signed = (AT + timedelta(days=days), url, headers, body, Credentials("AKIA", f"secret {days % 2}", token), region)
    assert headers_of(Signer, *signed) == headers_of(SigV4Auth, *signed)


def test_unsigned_body_is_not_signed() -> None:
    requests = []
    for kind in (Signer, SigV4Auth):
        request = AWSRequest("POST", HOSTS[0], {}, b"body")
        request.context["payload_signing_enabled"] = False
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(auth, "get_current_datetime", lambda: AT)
            kind(Credentials("AKIA", "secret"), "dynamodb", "ap-south-1").add_auth(request)
        requests.append(dict(request.headers.items()))
    assert requests[0] == requests[1]
