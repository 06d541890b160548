"""The authorizer's log: one counted line for each refusal and each outage, with a reason and nothing secret."""

import io
import json
from typing import Any

import pytest

from shared import authorizer
from shared.auth import Caller, ExpiredToken, InvalidToken, KeysUnavailable
from shared.telemetry import journal, log
from tests.support.lambda_events import LambdaContext

CALLER = Caller("customer-1", 1_800_000_090)
EVENT = {"type": "TOKEN", "authorizationToken": "Bearer s.e.cret", "methodArn": "arn:aws:execute-api:r:1:a/s/GET/x"}


@pytest.fixture(autouse=True)
def output(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the logger wrote."""
    written = io.StringIO()
    journal.drain()
    monkeypatch.setattr(log.metrics.provider, "service", "garment-pay-test")
    monkeypatch.setattr(log.logger.registered_handler, "stream", written)
    return written


def authorize(outcome: Caller | Exception, *counted: str) -> Any:
    def authenticate(authorization: str) -> Caller:
        for name in counted:
            journal.count(name)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return authorizer.authorizer(authenticate)(EVENT, LambdaContext())


def line_of(output: io.StringIO) -> dict[str, Any]:
    (line,) = [json.loads(line) for line in output.getvalue().splitlines()]
    assert "cret" not in output.getvalue()
    return dict(line)


def test_accepted_token_writes_no_line(output: io.StringIO) -> None:
    assert authorize(CALLER)["context"] == {"sub": "customer-1", "expires_at": "1800000090"}
    assert output.getvalue() == ""


def test_function_sees_the_phone_that_the_token_proves() -> None:
    proven = Caller("customer-1", 1_800_000_090, phone="+919876543210")
    assert authorize(proven)["context"]["phone"] == "+919876543210"


@pytest.mark.parametrize("reason", ["signature", "issuer", "audience", "scope", "subject", "malformed"])
def test_refusal_writes_one_line_with_its_reason(reason: str, output: io.StringIO) -> None:
    answer = authorize(InvalidToken(reason))
    assert answer["context"] == {"code": "token_invalid", "detail": "The access token is not valid."}
    assert answer["policyDocument"]["Statement"][0] == {
        "Effect": "Deny",
        "Action": "execute-api:Invoke",
        "Resource": "arn:aws:execute-api:r:1:a/s/*",
    }
    line = line_of(output)
    assert (line["message"], line["level"], line["reason"]) == ("token", "INFO", reason)
    assert (line["function"], line["TokenRefused"]) == ("Test", 1)


def test_expired_token_has_its_own_code(output: io.StringIO) -> None:
    answer = authorize(ExpiredToken("expired"))
    assert answer["context"] == {"code": "token_expired", "detail": "The access token has expired."}
    assert line_of(output)["reason"] == "expired"


def test_refusal_that_may_change_is_no_policy(output: io.StringIO) -> None:
    with pytest.raises(Exception, match="^Unauthorized$"):
        authorize(InvalidToken("unknown key", is_final=False))
    assert line_of(output)["TokenRefused"] == 1


def test_missing_keys_are_an_error_that_is_no_refusal(output: io.StringIO) -> None:
    with pytest.raises(KeysUnavailable, match="status 500"):
        authorize(KeysUnavailable("status 500"))
    line = line_of(output)
    assert (line["level"], line["reason"], line["KeysUnavailable"]) == ("ERROR", "status 500", 1)
    assert "TokenRefused" not in line


def test_stale_keys_are_logged_although_the_token_is_valid(output: io.StringIO) -> None:
    journal.breadcrumb("issuer's keys: timed out")
    assert authorize(CALLER, "KeysStale")["context"] == {"sub": "customer-1", "expires_at": "1800000090"}
    line = line_of(output)
    assert (line["level"], line["KeysStale"], line["steps"]) == ("ERROR", 1, ["issuer's keys: timed out"])


def test_unexpected_exception_is_no_refusal() -> None:
    with pytest.raises(KeyError):
        authorize(KeyError("JWKS_URL"))
