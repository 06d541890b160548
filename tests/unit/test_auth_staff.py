"""The authorizer of staff: its own issuer and keys, groups from a claim, and no way in with a customer's token."""

from typing import Any

import jwt
import pytest

from auth import authorize, authorize_staff
from shared import auth, clock, issuer_keys
from shared.issuer_keys import IssuerKeys, Key
from tests.support.issuer import RSA_KEYS

ARN = "arn:aws:execute-api:ap-south-1:1:api/dev/GET/api/staff/search"
NOW_S = 1_800_000_000
CUSTOMERS_KEY, STAFF_KEY = RSA_KEYS
CUSTOMERS, STAFF = "https://issuer.example", "https://staff.example"
PUBLISHED = {
    f"{CUSTOMERS}/keys": (Key("k1", "RS256", CUSTOMERS_KEY.public_key()),),
    f"{STAFF}/keys": (Key("k1", "RS256", STAFF_KEY.public_key()),),
}
CLAIMS = {"sub": "sunita", "iss": STAFF, "client_id": "desk", "exp": NOW_S + 60}


@pytest.fixture(autouse=True)
def issuers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two issuers, whose keys have the same id."""
    monkeypatch.setattr(clock, "now_s", lambda: NOW_S)
    monkeypatch.setattr(issuer_keys, "fetch", PUBLISHED.__getitem__)
    for authenticate in (auth.authenticate, auth.authenticate_staff):
        monkeypatch.setattr(authenticate, "keys", IssuerKeys())
    for prefix, issuer, audience in (("", CUSTOMERS, "app"), ("STAFF_", STAFF, "desk")):
        monkeypatch.setenv(f"{prefix}JWT_ISSUER", issuer)
        monkeypatch.setenv(f"{prefix}JWT_AUDIENCE", audience)
        monkeypatch.setenv(f"{prefix}JWKS_URL", f"{issuer}/keys")


def token(key: Any = STAFF_KEY, **claims: Any) -> str:
    return jwt.encode(CLAIMS | claims, key, "RS256", headers={"kid": "k1"})


def ask(function: Any, bearer: str) -> tuple[str, dict[str, str]]:
    """The effect of the policy, and its context."""
    event = {"type": "TOKEN", "authorizationToken": f"Bearer {bearer}", "methodArn": ARN}
    answer = function.handler(event, None)
    return answer["policyDocument"]["Statement"][0]["Effect"], answer["context"]


@pytest.mark.parametrize(
    ("claims", "groups"),
    [
        ({"groups": ["support"]}, "support"),
        ({"cognito:groups": ["approver", "support"]}, "support approver"),
        ({"groups": "finance support"}, "support finance"),
        ({"groups": ["support"], "cognito:groups": ["finance"]}, "support finance"),
        ({"groups": ["admins", "support", "support"]}, "support"),
        ({"groups": ["Support", "support ", "approvers", ["approver"], 5, None]}, ""),
        ({"groups": {"support": True}}, ""),
        ({"groups": 5}, ""),
        ({"groups": None}, ""),
        ({"scope": "support"}, ""),
        ({}, ""),
    ],
)
def test_context_has_those_of_our_groups_that_a_claim_names(claims: dict[str, Any], groups: str) -> None:
    context = {"sub": "sunita", "expires_at": str(NOW_S + 90), "groups": groups}
    assert ask(authorize_staff, token(**claims)) == ("Allow", context)


def test_token_of_a_customer_is_refused_for_staff() -> None:
    bearer = token(CUSTOMERS_KEY, iss=CUSTOMERS, client_id="app", groups=["support"])
    assert ask(authorize, bearer) == ("Allow", {"sub": "sunita", "expires_at": str(NOW_S + 90)}), "without groups"
    assert ask(authorize_staff, bearer)[0] == "Deny"


def test_token_of_staff_is_refused_for_customers() -> None:
    assert ask(authorize_staff, token(groups=["support"]))[0] == "Allow"
    assert ask(authorize, token(groups=["support"]))[0] == "Deny"


def test_issuers_key_signs_for_its_own_issuer_only() -> None:
    """The keys have the same id, and one of them was used a moment ago."""
    assert ask(authorize, token(CUSTOMERS_KEY, iss=CUSTOMERS, client_id="app"))[0] == "Allow"
    assert ask(authorize_staff, token(CUSTOMERS_KEY))[0] == "Deny"
    assert ask(authorize, token(iss=CUSTOMERS, client_id="app"))[0] == "Deny"


def test_authenticators_share_no_keys() -> None:
    names = {"issuer": "STAFF_JWT_ISSUER", "audience": "STAFF_JWT_AUDIENCE", "keys_url": "STAFF_JWKS_URL"}
    assert auth.Authenticator(**names).keys is not auth.Authenticator(**names).keys


def test_one_issuer_may_serve_both_with_two_audiences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAFF_JWT_ISSUER", CUSTOMERS)
    monkeypatch.setenv("STAFF_JWKS_URL", f"{CUSTOMERS}/keys")
    for audience, effects in (("app", ["Allow", "Deny"]), ("desk", ["Deny", "Allow"]), ("other", ["Deny", "Deny"])):
        bearer = token(CUSTOMERS_KEY, iss=CUSTOMERS, client_id=audience, groups=["support"])
        assert [ask(function, bearer)[0] for function in (authorize, authorize_staff)] == effects


@pytest.mark.parametrize("variable", ["STAFF_JWT_ISSUER", "STAFF_JWT_AUDIENCE"])
def test_unset_variable_refuses_everybody(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "")
    name = "iss" if variable.endswith("ISSUER") else "client_id"
    assert ask(authorize_staff, token(**{name: ""}))[0] == "Deny"


def test_expired_token_of_staff_has_its_code() -> None:
    effect, context = ask(authorize_staff, token(exp=NOW_S - 31, groups=["support"]))
    assert (effect, context["code"]) == ("Deny", "token_expired")
