"""The authorizer accepts only a current bearer token of the issuer for this app."""

import http.client
import io
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from auth.authorize import handler
from shared import auth, clock

ARN = "arn:aws:execute-api:ap-south-1:1:api/dev/GET/api/payments/wallets"
KEY, OTHER = (rsa.generate_private_key(65_537, 2_048) for _ in range(2))
CURVE = ec.generate_private_key(ec.SECP256R1())
FETCH = auth._fetch
NOW_S = 1_800_000_000  # what the clock says in these tests
CLAIMS = {
    "sub": "a5a00000-0000-4000-8000-000000000001",
    "iss": "https://issuer.example",
    "client_id": "app",
    "token_use": "access",
    "exp": NOW_S + 60,
}


@pytest.fixture(autouse=True)
def fetches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One item per request for the issuer's keys, which are those of KEY and CURVE."""
    fetches: list[int] = []
    public = {"k1": jwt.PyJWK(json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))).key}
    public["k2"] = CURVE.public_key()

    def fetch(url: str) -> dict[str, Any]:
        fetches.append(1)
        return public

    monkeypatch.setattr(clock, "now_s", lambda: NOW_S)
    monkeypatch.setattr(auth, "_fetch", fetch)
    monkeypatch.setattr(auth, "_keys", {})
    monkeypatch.setattr(auth, "_fetched_at_s", 0)
    monkeypatch.setattr(auth, "_failed_at_s", 0)
    for name, value in (("ISSUER", CLAIMS["iss"]), ("AUDIENCE", "app"), ("SCOPE", "")):
        monkeypatch.setenv(f"JWT_{name}", str(value))
    monkeypatch.setenv("JWKS_URL", "https://issuer.example/keys")
    return fetches


def token(key: Any = KEY, algorithm: str | None = "RS256", kid: str = "k1", **claims: Any) -> str:
    payload = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": kid})


def authorize(authorization: str | None) -> Any:
    return handler({"type": "TOKEN", "authorizationToken": authorization, "methodArn": ARN}, None)


def is_refused(authorization: str | None) -> bool:
    with pytest.raises(Exception, match="^Unauthorized$"):
        authorize(authorization)
    return True


def test_valid_token_allows_the_whole_api() -> None:
    answer = authorize(f"Bearer {token()}")
    assert answer["principalId"] == answer["context"]["sub"] == CLAIMS["sub"]
    assert answer["policyDocument"]["Statement"][0]["Resource"] == "arn:aws:execute-api:ap-south-1:1:api/dev/*"


def test_elliptic_key_and_audience_list_are_accepted() -> None:
    assert authorize(f"Bearer {token(CURVE, 'ES256', 'k2', client_id=None, aud=['other', 'app'])}")


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
def test_invalid_claim_is_refused(claims: dict[str, Any]) -> None:
    try:
        bearer = token(**claims)
    except TypeError:
        return
    assert is_refused(f"Bearer {bearer}")


def test_scope_is_required_when_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SCOPE", "pay")
    assert is_refused(f"Bearer {token()}") and is_refused(f"Bearer {token(scope='payments')}")
    assert authorize(f"Bearer {token(scope='openid pay')}")


def test_other_keys_algorithms_and_schemes_are_refused() -> None:
    good = token()
    pem = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    hmac_key = pem.replace(b"-----", b"")
    head, body, signature = good.split(".")
    for header in (
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
        assert is_refused(header)


@pytest.mark.parametrize("error", [OSError("down"), ValueError("not JSON"), http.client.IncompleteRead(b"")])
def test_unreachable_issuer_refuses_all_with_few_fetches(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    urls: list[str] = []

    def down(url: str) -> dict[str, Any]:
        urls.append(url)
        raise error

    monkeypatch.setattr(auth, "_fetch", down)
    for _ in range(5):
        assert is_refused(f"Bearer {token()}")
    assert len(urls) == 1
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S + 20)
    assert is_refused(f"Bearer {token()}") and len(urls) == 2


def test_key_rotation_takes_effect_within_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new key works after one minute; a withdrawn key is refused after five."""
    long, keys = NOW_S + 3_600, {"k1": KEY.public_key()}
    monkeypatch.setattr(auth, "_fetch", lambda url: dict(keys))
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S)
    assert authorize(f"Bearer {token(exp=long)}")
    keys["k9"] = OTHER.public_key()
    assert is_refused(f"Bearer {token(OTHER, kid='k9', exp=long)}")
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S + 61)
    assert authorize(f"Bearer {token(OTHER, kid='k9', exp=long)}")
    del keys["k1"]
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S + 61 + 301)
    assert is_refused(f"Bearer {token(exp=long)}")


def test_jwks_skips_unusable_keys(monkeypatch: pytest.MonkeyPatch) -> None:
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

    monkeypatch.setattr(auth, "_fetch", FETCH)
    monkeypatch.setattr("urllib.request.urlopen", answer)
    assert authorize(f"Bearer {token()}")
    assert set(auth._keys) == {"k1"}


def test_unknown_key_ids_fetch_the_keys_once(fetches: list[int]) -> None:
    for _ in range(5):
        assert is_refused(f"Bearer {token(kid='unknown')}")
    assert len(fetches) == 1
