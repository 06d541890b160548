"""Only a token of the issuer, for this app, for now, is let in."""

import http.client
import io
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from auth.authorize import handler
from shared import clock, tokens

ARN = "arn:aws:execute-api:ap-south-1:1:api/dev/GET/api/payments/wallets"
KEY, OTHER = (rsa.generate_private_key(65_537, 2_048) for _ in range(2))
CURVE = ec.generate_private_key(ec.SECP256R1())
FETCH = tokens._fetch
NOW_S = 1_800_000_000  # the time stands still here
CLAIMS = {
    "sub": "a5a00000-0000-4000-8000-000000000001",
    "iss": "https://issuer.example",
    "client_id": "app",
    "token_use": "access",
    "exp": NOW_S + 60,
}


@pytest.fixture(autouse=True)
def issuer(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The issuer's keys, and how often they were asked for."""
    asked: list[int] = []
    public = {"k1": jwt.PyJWK(json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))).key}
    public["k2"] = CURVE.public_key()

    def fetch(url: str) -> dict[str, Any]:
        asked.append(1)
        return public

    monkeypatch.setattr(clock, "now_s", lambda: NOW_S)
    monkeypatch.setattr(tokens, "_fetch", fetch)
    monkeypatch.setattr(tokens, "_keys", {})
    monkeypatch.setattr(tokens, "_asked_at_s", 0)
    monkeypatch.setattr(tokens, "_failed_at_s", 0)
    for name, value in (("ISSUER", CLAIMS["iss"]), ("AUDIENCE", "app"), ("SCOPE", "")):
        monkeypatch.setenv(f"JWT_{name}", str(value))
    monkeypatch.setenv("JWKS_URL", "https://issuer.example/keys")
    return asked


def token(key: Any = KEY, algorithm: str | None = "RS256", kid: str = "k1", **claims: Any) -> str:
    kept = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": kid})


def call(authorization: str | None) -> Any:
    return handler({"type": "TOKEN", "authorizationToken": authorization, "methodArn": ARN}, None)


def refused(authorization: str | None) -> bool:
    with pytest.raises(Exception, match="^Unauthorized$"):
        call(authorization)
    return True


def test_a_good_token_opens_the_whole_api_for_its_sub() -> None:
    answer = call(f"Bearer {token()}")
    assert answer["principalId"] == answer["context"]["sub"] == CLAIMS["sub"]
    assert answer["policyDocument"]["Statement"][0]["Resource"] == "arn:aws:execute-api:ap-south-1:1:api/dev/*"


def test_an_elliptic_key_and_a_list_of_audiences_are_good_too() -> None:
    assert call(f"Bearer {token(CURVE, 'ES256', 'k2', client_id=None, aud=['other', 'app'])}")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW_S - 1},
        {"exp": None},
        {"exp": "9999999999"},
        {"nbf": NOW_S + 600},
        {"iss": "https://other.example"},
        {"client_id": "another"},
        {"client_id": None},
        {"token_use": "id"},
        {"sub": None},
        {"sub": "a#b"},
        {"sub": "x" * 129},
        {"sub": ""},
    ],
)
def test_a_claim_that_does_not_hold_is_refused(claims: dict[str, Any]) -> None:
    try:
        made = token(**claims)
    except TypeError:
        return
    assert refused(f"Bearer {made}")


def test_a_scope_is_asked_for_when_one_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SCOPE", "pay")
    assert refused(f"Bearer {token()}") and refused(f"Bearer {token(scope='payments')}")
    assert call(f"Bearer {token(scope='openid pay')}")


def test_another_key_algorithm_or_form_is_refused() -> None:
    good = token()
    pem = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    hmac_key = pem.replace(b"-----", b"")
    head, body, signature = good.split(".")
    for odd in (
        None,
        "",
        good,
        f"Basic {good}",
        f"Bearer {good}, Bearer {good}",
        f"Bearer {token(OTHER)}",
        f"Bearer {token(kid='unknown')}",
        f"Bearer {token(KEY, 'RS256', 'k2')}",
        f"Bearer {token(None, None)}",
        f"Bearer {token(hmac_key, 'HS256')}",
        f"Bearer {head}.{body[:-2]}AA.{signature}",
        f"Bearer {head}.{body}.",
        "Bearer " + "x" * 9_000,
        "Bearer \u00e9.\u00e9.\u00e9",
    ):
        assert refused(odd)


@pytest.mark.parametrize("trouble", [OSError("down"), ValueError("not JSON"), http.client.IncompleteRead(b"")])
def test_keys_that_cannot_be_had_let_nobody_in_and_are_not_asked_for_each_time(
    monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    asked: list[str] = []

    def down(url: str) -> dict[str, Any]:
        asked.append(url)
        raise trouble

    monkeypatch.setattr(tokens, "_fetch", down)
    for _ in range(5):
        assert refused(f"Bearer {token()}")
    assert len(asked) == 1
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S + 20)
    assert refused(f"Bearer {token()}") and len(asked) == 2


def test_a_new_key_is_found_after_a_minute_and_a_withdrawn_one_refused_after_five(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long, keys = NOW_S + 3_600, {"k1": KEY.public_key()}
    monkeypatch.setattr(tokens, "_fetch", lambda url: dict(keys))
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S)
    assert call(f"Bearer {token(exp=long)}")
    keys["k9"] = OTHER.public_key()
    assert refused(f"Bearer {token(OTHER, kid='k9', exp=long)}")
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S + 61)
    assert call(f"Bearer {token(OTHER, kid='k9', exp=long)}")
    del keys["k1"]
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S + 61 + 301)
    assert refused(f"Bearer {token(exp=long)}")


def test_only_usable_signing_keys_are_taken_and_a_strange_one_spoils_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
    listed = [
        public | {"kid": "k1", "use": "sig"},
        public | {"kid": "k3", "use": "enc"},
        {"kid": "k4", "kty": "oct", "k": "c2VjcmV0"},
        {"kid": "k5", "kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
        public,
        3,
    ]

    def answer(url: str, timeout: float) -> io.BytesIO:
        assert timeout <= 2
        return io.BytesIO(json.dumps({"keys": listed}).encode())

    monkeypatch.setattr(tokens, "_fetch", FETCH)
    monkeypatch.setattr("urllib.request.urlopen", answer)
    assert call(f"Bearer {token()}")
    assert set(tokens._keys) == {"k1"}


def test_an_unknown_key_id_does_not_ask_the_issuer_each_time(issuer: list[int]) -> None:
    for _ in range(5):
        assert refused(f"Bearer {token(kid='unknown')}")
    assert len(issuer) == 1
