"""Bearer tokens: whose a token is, by the issuer's published keys; only the authorizer imports this."""

import json
import os
import re
import urllib.request
from http.client import HTTPException
from typing import Any

import jwt

from shared import clock

ALGORITHMS = ("RS256", "ES256")
SUBJECT = re.compile(r"[A-Za-z0-9_.:|@-]{1,128}", re.ASCII)
TOKEN_LENGTH_MAX = 8_192
KEYS_BYTES_MAX = 256 * 1024
KEYS_TIMEOUT_S = 2
KEYS_AGE_S_MAX = 300
KEYS_PAUSE_S = 5  # between two tries while the issuer is down
KEYS_AGE_S_MIN = 60  # an unknown key id does not make us ask more often than this


class Rejected(Exception):
    """The token does not prove who the caller is."""


def subject(authorization: str) -> str:
    """The `sub` of `Bearer <token>`; Rejected unless everything about the token holds."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > TOKEN_LENGTH_MAX or "," in token:
        raise Rejected("not one bearer token")
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise Rejected("an algorithm that is not ours")
        key = _key(str(header.get("kid")))
        # The signature only: times are checked below, by our own clock.
        options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
        claims = jwt.decode(token, key, algorithms=[header["alg"]], options=options)
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise Rejected(type(error).__name__) from None
    return _checked(claims)


def _checked(claims: dict[str, Any]) -> str:
    now_s = clock.now_s()
    audience, scope = os.environ["JWT_AUDIENCE"], os.environ.get("JWT_SCOPE", "")
    audiences = claims.get("aud", claims.get("client_id"))
    sub = claims.get("sub")
    holds = (
        claims.get("iss") == os.environ["JWT_ISSUER"]
        and bool(audience)
        and audience in (audiences if isinstance(audiences, list) else [audiences])
        and _is_time(claims.get("exp"))
        and now_s < claims["exp"]
        and (_is_time(claims.get("nbf", 0)) and claims.get("nbf", 0) <= now_s)
        and claims.get("token_use", "access") == "access"
        and (not scope or scope in str(claims.get("scope", "")).split())
        and isinstance(sub, str)
        and SUBJECT.fullmatch(sub) is not None
    )
    if not holds:
        raise Rejected("a claim that does not hold")
    return str(sub)


def _is_time(value: object) -> bool:
    return type(value) in (int, float)


_keys: dict[str, Any] = {}
_asked_at_s = 0
_failed_at_s = 0


def _key(kid: str) -> Any:
    """The issuer's key of that id, asked for again when old, or unknown and not just asked for."""
    global _asked_at_s, _failed_at_s
    age_s = clock.now_s() - _asked_at_s
    if age_s > KEYS_AGE_S_MAX or (kid not in _keys and age_s > KEYS_AGE_S_MIN):
        if clock.now_s() - _failed_at_s < KEYS_PAUSE_S:
            raise Rejected("the issuer's keys could not be had a moment ago")
        try:
            fetched = _fetch(os.environ["JWKS_URL"])
        except (OSError, ValueError, HTTPException, RecursionError):
            _failed_at_s = clock.now_s()
            raise Rejected("the issuer's keys cannot be had") from None
        _asked_at_s = clock.now_s()
        _keys.clear()
        _keys.update(fetched)
    if kid not in _keys:
        raise Rejected("no such key")
    return _keys[kid]


def _fetch(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=KEYS_TIMEOUT_S) as response:
        found = json.loads(response.read(KEYS_BYTES_MAX))
    listed = found.get("keys", []) if isinstance(found, dict) else []
    keys = {}
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("use", "sig") == "sig" and one.get("kty") in ("RSA", "EC"):
            try:
                keys[str(one["kid"])] = jwt.PyJWK(one).key
            except (jwt.PyJWTError, KeyError, TypeError, ValueError):
                continue  # one key that we cannot use does not spoil the others
    return keys
