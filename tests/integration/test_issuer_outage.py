"""A day of the app, over HTTP, on which the issuer cannot be reached for an hour."""

import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests

from local.issuer import AUDIENCE, ISSUER
from tests.support import image_samples
from tests.support.api_client import API, App
from tests.support.issuer import RSA_KEYS
from tests.support.local_stack import LocalStack

TEN_MINUTES_S = 600
CUSTOMER = "a5a00000-0000-4000-8000-000000000009"


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack of its own: the test moves the clock far, and reads the whole log."""
    stack = LocalStack(tmp_path_factory.mktemp("issuer_outage"))
    try:
        yield stack
        stack.check_canaries()
    finally:
        stack.stop()


def ask(stack: LocalStack, token: str) -> requests.Response:
    return requests.get(f"{stack.api}{API}/wallets/", headers={"Authorization": f"Bearer {token}"}, timeout=10)


def own_token(key: Any, key_id: str, **claims: Any) -> str:
    now_s = int(time.time())
    payload = {"sub": CUSTOMER, "iss": ISSUER, "aud": AUDIENCE, "iat": now_s, "exp": now_s + 86_400} | claims
    return jwt.encode(payload, key, "RS256", headers={"kid": key_id})


def token_lines(stack: LocalStack) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stack.log_text().splitlines() if '"message":"token"' in line]


def is_unavailable(response: requests.Response) -> bool:
    assert response.status_code == 503 and int(response.headers["Retry-After"]) > 0
    assert response.headers["X-Error-Code"] == response.json()["code"] == "unavailable"
    return True


def test_day_with_an_issuer_that_is_unavailable_for_an_hour(stack: LocalStack) -> None:
    asha, bilal = App(stack), App(stack)

    # The issuer is unavailable when the service starts: nobody is told to log in again.
    stack.fail_issuer(True)
    for app in (asha, bilal):
        assert is_unavailable(ask(stack, app.customer["token"]))
    assert ask(stack, "garbage").status_code == 401, "no key is needed to see that"
    stack.fail_issuer(False)
    stack.clock(5)

    # The morning.
    asha.top_up("500.00")
    assert bilal.balance == "0.00"
    stack.clock(4 * 3_600)
    assert asha.spend("100.00", "order-0").status_code == 201

    # The issuer is unavailable for an hour. Every customer goes on, those who log in now too.
    stack.fail_issuer(True)
    for tens in range(1, 7):
        stack.clock(TEN_MINUTES_S)
        newcomer = App(stack)
        newcomer.top_up("20.00")
        asha.top_up("50.00")
        assert asha.spend("10.00", f"order-{tens}").status_code == 201
        method = asha.post("/payment-methods/", {"type": "upi", "upi_id": f"asha{tens}@okhdfcbank"})
        assert asha.call("DELETE", f"/payment-methods/{method['id']}/").status_code == 204
        stack.invoke("ReconcilePayments")
        assert (newcomer.balance, asha.balance) == ("20.00", f"{400 + 40 * tens}.00")
    photo = asha.upload_photo(image_samples.encode(image_samples.photo(64, 48), "JPEG"))
    assert photo["status"] == "ready"

    # A key that the service does not know cannot be judged meanwhile; what needs no other key is refused.
    assert is_unavailable(ask(stack, own_token(RSA_KEYS[0], "tomorrow")))
    forged = ask(stack, own_token(RSA_KEYS[0], "local"))
    assert forged.status_code == 401 and forged.headers["WWW-Authenticate"]
    assert bilal.balance == "0.00"

    # The issuer is back.
    stack.fail_issuer(False)
    stack.clock(TEN_MINUTES_S)
    assert asha.balance == "640.00"
    stale = len([line for line in token_lines(stack) if "KeysStale" in line])
    assert 6 <= stale <= 60, "counted by attempt, not by request"
    refused = ask(stack, own_token(RSA_KEYS[0], "tomorrow"))
    assert refused.status_code == 401, "the issuer says that it has no such key"
    assert bilal.top_up("5.00") and bilal.balance == "5.00"
    assert len([line for line in token_lines(stack) if "KeysStale" in line]) == stale
    lines = token_lines(stack)
    assert {line["level"] for line in lines if "TokenRefused" in line} == {"INFO"}
    assert sum(line.get("KeysUnavailable", 0) for line in lines) == 3


def test_expired_and_invalid_tokens_have_codes_of_their_own(stack: LocalStack) -> None:
    token = stack.new_customer()["token"]
    assert ask(stack, token).status_code == 200
    stack.clock(365 * 86_400 + 15)
    assert ask(stack, token).status_code == 200
    stack.clock(15)
    expired = ask(stack, token)
    assert (expired.status_code, expired.headers["X-Error-Code"]) == (401, "token_expired")
    assert expired.json() == {"detail": "The access token has expired.", "code": "token_expired"}
    forged = ask(stack, own_token(RSA_KEYS[0], "local"))
    assert (forged.status_code, forged.headers["X-Error-Code"]) == (401, "token_invalid")
    assert forged.headers["WWW-Authenticate"] == expired.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert [line["reason"] for line in token_lines(stack)] == ["expired", "signature"]


def test_oversized_body_and_unknown_fault_have_codes(stack: LocalStack) -> None:
    large = requests.post(f"{stack.api}{API}/payments/", headers={"Content-Length": str(11 << 20)}, timeout=10)
    assert (large.status_code, large.headers["X-Error-Code"]) == (413, "too_large")
    for fault in ({"isuer": True}, {"s3": 5}, []):
        response = requests.post(f"{stack.api}/_local/faults", json=fault, timeout=10)
        assert response.status_code == 400
    both = requests.post(f"{stack.api}/_local/faults", json={"issuer": False, "s3": ["GetObject"]}, timeout=10)
    assert both.json() == {"issuer": False, "s3": ["GetObject"], "tables": [], "uploads_twice": False}
