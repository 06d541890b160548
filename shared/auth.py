"""Bearer tokens, verified against their issuer's published keys (JWKS); only the authorizers import this."""

import os
import re
from typing import Any, NamedTuple

import jwt

from shared import clock
from shared.issuer_keys import IssuerKeys, Key, KeysUnavailable
from shared.staff.groups import GROUPS

__all__ = ["Caller", "InvalidToken", "KeysUnavailable", "authenticate", "authenticate_staff"]

ALGORITHMS = ("RS256", "ES256")
SUBJECT = re.compile(r"[ -~]{1,255}")  # printable ASCII, as OpenID Connect limits it
TOKEN_LENGTH_MAX = 8_192
TIME_S_MAX = 10**15  # larger ones, infinity and NaN are no times
LEEWAY_S = 30  # how far the issuer's clock and ours may differ
RESULT_CACHED_S = 300  # how long API Gateway reuses the authorizer's result for a token
# The signature only: the claims are checked here, by our own clock.
SIGNATURE_ONLY: Any = {f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}
GROUP_CLAIMS = ("groups", "cognito:groups")
PHONE = re.compile(r"(?:\+?91)?([6-9][0-9]{9})", re.ASCII)  # an Indian mobile number, as issuers write it


class Caller(NamedTuple):
    sub: str
    expires_at_s: int  # the end of the token, leeway included
    groups: tuple[str, ...] | None = None  # of staff; a customer has none
    phone: str = ""  # the customer's own number, which the issuer has verified


class InvalidToken(Exception):
    """The token does not prove who the caller is.

    `reason` is for the log, `code` and `text` are for the caller. A refusal that is not final may no longer be
    right while API Gateway still reuses it.
    """

    code = "token_invalid"
    text = "The access token is not valid."

    def __init__(self, reason: str, *, is_final: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final


class ExpiredToken(InvalidToken):
    """A token that is valid but for its age."""

    code = "token_expired"
    text = "The access token has expired."


class Authenticator:
    """Judges the tokens of one issuer for one audience. The arguments are names of environment variables.

    Its keys are its own, so that one issuer's key never verifies another issuer's token.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys_url: str,
        scope: str = "",
        phone_claim: str = "",
        is_for_staff: bool = False,
    ) -> None:
        self._issuer, self._audience, self._keys_url, self._scope = issuer, audience, keys_url, scope
        self._phone_claim = phone_claim
        self._is_for_staff = is_for_staff
        self.keys = IssuerKeys()

    def __call__(self, authorization: str) -> Caller:
        """The caller that `Bearer <token>` proves.

        Raises InvalidToken unless the signature and every claim are valid, and KeysUnavailable if the token cannot be
        judged now.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > TOKEN_LENGTH_MAX or "," in token:
            raise InvalidToken("not one bearer token")
        try:
            claims = self._signed_claims(token, jwt.get_unverified_header(token))
        except (jwt.PyJWTError, TypeError, ValueError, RecursionError):
            raise InvalidToken("malformed") from None
        self._check(claims)
        sub, expires_at_s = str(claims["sub"]), _expires_at_s(claims)
        if self._is_for_staff:
            return Caller(sub, expires_at_s, _groups(claims))
        return Caller(sub, expires_at_s, phone=_phone(claims, os.environ.get(self._phone_claim, "")))

    def _signed_claims(self, token: str, header: dict[str, Any]) -> dict[str, Any]:
        """The claims, if one of the issuer's keys signed them."""
        algorithm, key_id, url = header.get("alg"), header.get("kid") or None, os.environ[self._keys_url]
        if algorithm not in ALGORITHMS:
            raise InvalidToken("algorithm")
        key = self.keys.find(url, key_id, algorithm)
        if key is None:
            raise InvalidToken("unknown key", is_final=False)  # the issuer may be about to publish it
        try:
            return _decode(token, key)
        except jwt.InvalidSignatureError:
            replacement = self.keys.find_replacement(url, key, key_id)
        try:
            if replacement:
                return _decode(token, replacement)
        except jwt.InvalidSignatureError:
            pass
        raise InvalidToken("signature", is_final=self.keys.are_fresh)  # otherwise the key may have been replaced

    def _check(self, claims: dict[str, Any]) -> None:
        issuer, audience = os.environ[self._issuer], os.environ[self._audience]
        scope, sub = os.environ.get(self._scope, ""), claims.get("sub")
        audiences = claims.get("aud", claims.get("client_id"))
        scopes = [*_words(claims.get("scope")), *_words(claims.get("scp"))]
        for reason, is_valid in (
            ("issuer", bool(issuer) and claims.get("iss") == issuer),
            ("audience", bool(audience) and audience in (audiences if isinstance(audiences, list) else [audiences])),
            ("token use", claims.get("token_use", "access") == "access"),
            ("scope", not scope or scope in scopes),
            ("subject", isinstance(sub, str) and SUBJECT.fullmatch(sub) is not None),
            ("times", all(_is_time(claims.get(name, 0)) for name in ("nbf", "iat")) and _is_time(claims.get("exp"))),
        ):
            if not is_valid:
                raise InvalidToken(reason)


authenticate = Authenticator(
    issuer="JWT_ISSUER", audience="JWT_AUDIENCE", keys_url="JWKS_URL", scope="JWT_SCOPE", phone_claim="PHONE_CLAIM"
)
authenticate_staff = Authenticator(
    issuer="STAFF_JWT_ISSUER", audience="STAFF_JWT_AUDIENCE", keys_url="STAFF_JWKS_URL", is_for_staff=True
)


def _decode(token: str, key: Key) -> dict[str, Any]:
    return jwt.decode(token, key.public, algorithms=[key.algorithm], options=SIGNATURE_ONLY)


def _expires_at_s(claims: dict[str, Any]) -> int:
    """The end of a token with valid times; InvalidToken if it is not valid now."""
    now_s = clock.now_s()
    begins_at_s = max(claims.get("nbf", 0), claims.get("iat", 0)) - LEEWAY_S
    if begins_at_s > now_s:
        raise InvalidToken("not valid yet", is_final=begins_at_s > now_s + RESULT_CACHED_S)
    expires_at_s = int(claims["exp"]) + LEEWAY_S
    if now_s >= expires_at_s:
        raise ExpiredToken("expired")
    return expires_at_s


def _groups(claims: dict[str, Any]) -> tuple[str, ...]:
    """Those of our groups that a claim names. Others are the company's, and mean nothing here."""
    named = [name for claim in GROUP_CLAIMS for name in _words(claims.get(claim))]
    return tuple(group for group in GROUPS if group in named)


def _phone(claims: dict[str, Any], name: str) -> str:
    """The number in the claim of this name, as +91 and ten digits; empty if the token calls it unverified."""
    value = claims.get(name) if name else None
    found = PHONE.fullmatch(value) if isinstance(value, str) else None
    return f"+91{found[1]}" if found and claims.get(f"{name}_verified", True) in (True, "true") else ""


def _words(value: object) -> list[Any]:
    """The scopes or groups of a claim, which is a text with spaces or a list."""
    if isinstance(value, str):
        return value.split()
    return value if isinstance(value, list) else []


def _is_time(value: object) -> bool:
    return type(value) in (int, float) and -TIME_S_MAX < value < TIME_S_MAX  # type: ignore[operator]
