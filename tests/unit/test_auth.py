"""The authorizer accepts only a current bearer token of the issuer for this app."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from auth.authorize import handler
from shared import auth, clock, issuer_keys
from shared.issuer_keys import FetchFailed, IssuerKeys, Key
from shared.telemetry import journal
from tests.support.issuer import EC_KEY, RSA_KEYS

ARN = "arn:aws:execute-api:ap-south-1:1:api/dev/GET/api/payments/wallets"
KEY, OTHER = RSA_KEYS
NOW_S = 1_800_000_000  # what the clock says in these tests
CLAIMS = {
    "sub": "a5a00000-0000-4000-8000-000000000001",
    "iss": "https://issuer.example",
    "client_id": "app",
    "token_use": "access",
    "exp": NOW_S + 60,
}
PUBLISHED = (Key("k1", "RS256", KEY.public_key()), Key("k2", "ES256", EC_KEY.public_key()))


@pytest.fixture(autouse=True)
def fetches(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """One URL per request for the issuer's keys, which are those of KEY and EC_KEY."""
    fetches: list[str] = []

    def fetch(url: str) -> tuple[Key, ...]:
        fetches.append(url)
        return PUBLISHED

    monkeypatch.setattr(clock, "now_s", lambda: NOW_S)
    monkeypatch.setattr(issuer_keys, "fetch", fetch)
    monkeypatch.setattr(auth.authenticate, "keys", IssuerKeys())
    for name, value in (("ISSUER", CLAIMS["iss"]), ("AUDIENCE", "app"), ("SCOPE", "")):
        monkeypatch.setenv(f"JWT_{name}", str(value))
    monkeypatch.setenv("JWKS_URL", "https://issuer.example/keys")
    yield fetches
    journal.drain()


def token(key: Any = KEY, algorithm: str | None = "RS256", kid: str | None = "k1", **claims: Any) -> str:
    payload = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": kid} if kid is not None else {})


def token_with_header(**fields: Any) -> str:
    """A token that KEY signed, with any header."""
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"} | fields, CLAIMS)]
    signed = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(signed.encode(), KEY)
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def authorize(authorization: str | None) -> Any:
    return handler({"type": "TOKEN", "authorizationToken": authorization, "methodArn": ARN}, None)


def is_accepted(bearer: str) -> bool:
    answer = authorize(f"Bearer {bearer}")
    return bool(answer["policyDocument"]["Statement"][0]["Effect"] == "Allow")


def refusal(authorization: str | None) -> str:
    """The code of a refusal that API Gateway may reuse; an empty text for one that it may not."""
    try:
        answer = authorize(authorization)
    except Exception as error:
        assert str(error) == "Unauthorized"
        return ""
    (statement,) = answer["policyDocument"]["Statement"]
    assert (statement["Effect"], set(answer["context"])) == ("Deny", {"code", "detail"})
    return str(answer["context"]["code"])


def is_refused(authorization: str | None) -> bool:
    return refusal(authorization) in ("", "token_invalid", "token_expired")


def test_valid_token_allows_the_whole_api() -> None:
    answer = authorize(f"Bearer {token()}")
    assert answer["principalId"] == answer["context"]["sub"] == CLAIMS["sub"]
    (statement,) = answer["policyDocument"]["Statement"]
    assert answer["context"]["expires_at"] == str(NOW_S + 60 + 30)
    assert (statement["Effect"], statement["Resource"]) == ("Allow", "arn:aws:execute-api:ap-south-1:1:api/dev/*")


def test_elliptic_key_and_audience_list_are_accepted() -> None:
    assert is_accepted(token(EC_KEY, "ES256", "k2", client_id=None, aud=["other", "app"]))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW_S - 31},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": float("inf")},
        {"nbf": NOW_S + 600},
        {"iss": "https://other.example"},
        {"client_id": "another"},
        {"client_id": None},
        {"token_use": "id"},
        {"sub": None},
    ],
)
def test_invalid_claim_is_refused(claims: dict[str, Any]) -> None:
    try:
        bearer = token(**claims)
    except TypeError:
        return
    assert is_refused(f"Bearer {bearer}")


@pytest.mark.parametrize(
    "audience",
    [
        {"aud": "app"},
        {"aud": ["app"]},
        {"aud": ["https://api.example", "app", "third"]},
        {"aud": None, "client_id": "app"},
        {"aud": "app", "client_id": "another", "azp": "another"},
    ],
)
def test_audience_is_a_text_a_list_or_the_client_id(audience: dict[str, Any]) -> None:
    assert is_accepted(token(**{"client_id": None} | audience))


@pytest.mark.parametrize("audience", ["app2", "", "a", ["another"], [], [["app"]], {"app": 1}, "app another"])
def test_other_audience_is_refused(audience: Any) -> None:
    assert refusal(f"Bearer {token(aud=audience)}") == "token_invalid"


# --- clocks that differ


@pytest.mark.parametrize(
    "times",
    [
        {"nbf": NOW_S + 2, "iat": NOW_S + 2, "exp": NOW_S + 3_600},
        {"nbf": NOW_S + 30},
        {"iat": NOW_S + 30},
        {"iat": NOW_S + 0.5, "nbf": NOW_S - 0.5},
        {"exp": NOW_S},
        {"exp": NOW_S - 29},
        {"iat": 0, "nbf": 0},
    ],
)
def test_clocks_may_differ_by_half_a_minute(times: dict[str, Any]) -> None:
    assert is_accepted(token(**times))


@pytest.mark.parametrize(
    ("times", "code"),
    [
        ({"exp": NOW_S - 30}, "token_expired"),
        ({"exp": 0}, "token_expired"),
        ({"exp": -1}, "token_expired"),
        ({"nbf": NOW_S + 86_400}, "token_invalid"),
        ({"iat": NOW_S + 86_400}, "token_invalid"),
        ({"iat": NOW_S + 1e300}, "token_invalid"),
        ({"exp": 10**400}, "token_invalid"),
        ({"nbf": "tomorrow"}, "token_invalid"),
        ({"iat": True}, "token_invalid"),
        ({"nbf": float("nan")}, "token_invalid"),
        ({"iat": [NOW_S]}, "token_invalid"),
    ],
)
def test_times_beyond_the_leeway_are_refused(times: dict[str, Any], code: str) -> None:
    assert refusal(f"Bearer {token(**times)}") == code


@pytest.mark.parametrize("times", [{"nbf": NOW_S + 31}, {"iat": NOW_S + 31}, {"nbf": NOW_S + 330}])
def test_refusal_that_soon_changes_is_not_reused(times: dict[str, Any]) -> None:
    """API Gateway would answer with a returned policy for five minutes, and lock the customer out."""
    assert refusal(f"Bearer {token(**times)}") == ""


@pytest.mark.parametrize(
    "claims", [{"iss": "x"}, {"client_id": "x"}, {"sub": ""}, {"token_use": "id"}, {"nbf": "x"}, {"iat": NOW_S + 999}]
)
def test_expired_token_that_is_also_invalid_is_called_invalid(claims: dict[str, Any]) -> None:
    assert refusal(f"Bearer {token(**{'exp': NOW_S - 999} | claims)}") == "token_invalid"


@pytest.mark.parametrize("token_use", ["id", "refresh", "Access", "", True, ["access"]])
def test_token_for_another_use_is_refused_whatever_its_scope(token_use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SCOPE", "pay")
    assert refusal(f"Bearer {token(token_use=token_use, scope='pay')}") == "token_invalid"


def test_scope_refuses_an_id_token_whose_issuer_names_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenID Connect gives an ID token no scope, and its audience is the app's client."""
    id_token = token(token_use=None, client_id=None, aud="app", nonce="n", auth_time=NOW_S)
    assert is_accepted(id_token)
    monkeypatch.setenv("JWT_SCOPE", "pay")
    assert refusal(f"Bearer {id_token}") == "token_invalid"


# --- scopes and subjects


def test_scope_is_required_when_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SCOPE", "pay")
    assert is_refused(f"Bearer {token()}") and is_refused(f"Bearer {token(scope='payments')}")
    assert is_accepted(token(scope="openid pay"))


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": "pay"},
        {"scope": ["openid", "pay"]},
        {"scp": "openid pay profile"},
        {"scp": ["pay"]},
        {"scope": "openid", "scp": ["pay"]},
        {"scope": 5, "scp": "pay"},
    ],
)
def test_scope_is_a_text_or_a_list(claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SCOPE", "pay")
    assert is_accepted(token(**claims))


@pytest.mark.parametrize(
    ("claims", "phone"),
    [
        ({"phone_number": "+919876543210"}, "+919876543210"),
        ({"phone_number": "919876543210", "phone_number_verified": True}, "+919876543210"),
        ({"phone_number": "9876543210", "phone_number_verified": "true"}, "+919876543210"),
        ({"phone_number": "+919876543210", "phone_number_verified": False}, ""),
        ({"phone_number": "+919876543210", "phone_number_verified": "false"}, ""),
        ({"phone_number": "+15551234567"}, ""),
        ({"phone_number": "+9198765432100"}, ""),
        ({"phone_number": ["+919876543210"]}, ""),
        ({"phone": "+919876543210"}, ""),
        ({}, ""),
    ],
)
def test_phone_is_the_verified_number_of_the_named_claim(
    claims: dict[str, Any], phone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert auth.authenticate(f"Bearer {token(**claims)}").phone == ""  # without the setting
    monkeypatch.setenv("PHONE_CLAIM", "phone_number")
    assert auth.authenticate(f"Bearer {token(**claims)}").phone == phone


@pytest.mark.parametrize(
    "scope", ["pays", "PAY", "", "pay,openid", ["openid pay"], [["pay"]], {"pay": True}, 5, True]
)
@pytest.mark.parametrize("claim", ["scope", "scp"])
def test_other_scope_is_refused(claim: str, scope: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SCOPE", "pay")
    assert refusal(f"Bearer {token(**{claim: scope})}") == "token_invalid"


@pytest.mark.parametrize(
    "sub",
    [
        "1",
        "auth0|5f7c8ec7c33c6c004bbafe82",
        "a#b",
        "https://id.example/users/7?tenant=in&x=%20",
        "CN=Asha Rao, O=Laundry, C=IN",
        "x" * 255,
        "".join(map(chr, range(0x20, 0x7F))),
    ],
)
def test_subject_is_any_printable_ascii(sub: str) -> None:
    assert authorize(f"Bearer {token(sub=sub)}")["context"]["sub"] == sub


@pytest.mark.parametrize(
    "sub", ["", "x" * 256, "a\tb", "a\n", "a\x00", "a\x7f", "\u00e9", "\u0967", 7, True, ["a"], {}]
)
def test_other_subject_is_refused(sub: Any) -> None:
    payload = json.dumps(CLAIMS | {"sub": sub}).encode()
    signed = jwt.PyJWS().encode(payload, KEY, algorithm="RS256", headers={"kid": "k1"})
    assert refusal(f"Bearer {signed}") == "token_invalid"


# --- keys


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
        f"Bearer {base64.urlsafe_b64encode(b'[' * 5_000).decode()}.{body}.{signature}",
    ):
        assert is_refused(header)


@pytest.mark.parametrize("key_id", [{}, {"kid": ""}, {"kid": "k1"}, {"kid": "k1", "x5t": "abc", "jku": "http://x/"}])
def test_key_id_may_be_missing_when_one_key_fits(key_id: dict[str, Any]) -> None:
    assert is_accepted(token_with_header(**key_id))


@pytest.mark.parametrize("key_id", [1, None, ["k1"], {"k1": 1}, True, "K1", "k1 ", "../k1", "x" * 5_000])
def test_other_key_ids_are_refused(key_id: Any) -> None:
    assert is_refused(f"Bearer {token_with_header(kid=key_id)}")


@pytest.mark.parametrize("reason", ["status 500", "timed out", "the answer is not JSON"])
def test_unreachable_issuer_is_no_logout_and_fetched_rarely(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    """Without a key nothing is known of the token: any exception but Unauthorized makes the API answer 503."""
    urls: list[str] = []

    def down(url: str) -> tuple[Key, ...]:
        urls.append(url)
        raise FetchFailed(reason)

    monkeypatch.setattr(issuer_keys, "fetch", down)
    for _ in range(5):
        with pytest.raises(auth.KeysUnavailable, match=reason):
            authorize(f"Bearer {token()}")
    assert len(urls) == 1
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S + 20)
    with pytest.raises(auth.KeysUnavailable):
        authorize(f"Bearer {token()}")
    assert len(urls) == 2
    assert refusal("Bearer garbage") == "token_invalid", "needs no key"


def test_key_rotation_takes_effect_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new key works as soon as it is published; a withdrawn key is refused after five minutes."""
    long, keys = NOW_S + 3_600, [PUBLISHED[0]]
    monkeypatch.setattr(issuer_keys, "fetch", lambda url: tuple(keys))
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S)
    assert is_accepted(token(exp=long))
    keys.append(Key("k9", "RS256", OTHER.public_key()))
    assert is_accepted(token(OTHER, kid="k9", exp=long)) and is_accepted(token(exp=long))
    del keys[0]
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S + 301)
    assert is_refused(f"Bearer {token(exp=long)}") and is_accepted(token(OTHER, kid="k9", exp=long))


@pytest.mark.parametrize("key_id", ["k1", None])
def test_key_replaced_under_its_id_locks_nobody_out(monkeypatch: pytest.MonkeyPatch, key_id: str | None) -> None:
    keys = [Key(key_id, "RS256", KEY.public_key())]
    monkeypatch.setattr(issuer_keys, "fetch", lambda url: tuple(keys))
    assert is_accepted(token(kid=key_id))
    keys[0] = Key(key_id, "RS256", OTHER.public_key())
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S + 11)
    assert is_accepted(token(OTHER, kid=key_id))
    assert refusal(f"Bearer {token(KEY, kid=key_id)}") == "token_invalid"


def test_unknown_key_is_refused_for_this_request_only() -> None:
    """The issuer may publish the key a moment later, and API Gateway would go on refusing."""
    assert refusal(f"Bearer {token(OTHER, kid='unknown')}") == ""


def test_unknown_key_ids_fetch_the_keys_once(fetches: list[str]) -> None:
    for _ in range(5):
        assert is_refused(f"Bearer {token(kid='unknown')}")
    assert len(fetches) == 1


def test_forged_signatures_fetch_the_keys_once_more(fetches: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds in (0, 11):
        monkeypatch.setattr(clock, "now_s", lambda seconds=seconds: NOW_S + seconds)
        assert is_accepted(token())
        for number in range(50):
            assert refusal(f"Bearer {token(OTHER, sub=str(number))}") == "token_invalid"
    assert len(fetches) == 2


def test_forged_signature_in_an_outage_is_not_refused_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """The issuer may have replaced the key under its id."""

    def down(url: str) -> tuple[Key, ...]:
        raise FetchFailed("status 500")

    assert is_accepted(token(exp=NOW_S + 9_999))
    monkeypatch.setattr(issuer_keys, "fetch", down)
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S + 900)
    assert refusal(f"Bearer {token(OTHER, exp=NOW_S + 9_999)}") == ""
    assert is_accepted(token(exp=NOW_S + 9_999))
