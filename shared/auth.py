"""Bearer tokens, verified against the issuer's published keys (JWKS); only the authorizer imports this."""

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
KEYS_PAUSE_S = 5  # between two attempts while the issuer is down
KEYS_AGE_S_MIN = 60  # unknown key ids do not make us fetch more often than this


class InvalidToken(Exception):
    """The token does not prove who the caller is."""


def subject(authorization: str) -> str:
    """The `sub` of `Bearer <token>`; InvalidToken unless signature and every claim are valid."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > TOKEN_LENGTH_MAX or "," in token:
        raise InvalidToken("not one bearer token")
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise InvalidToken("unsupported algorithm")
        key = _key(str(header.get("kid")))
        # The signature only: `_verified_subject` checks the times by our own clock.
        options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
        claims = jwt.decode(token, key, algorithms=[header["alg"]], options=options)
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise InvalidToken(type(error).__name__) from None
    return _verified_subject(claims)


def _verified_subject(claims: dict[str, Any]) -> str:
    now_s = clock.now_s()
    audience, scope = os.environ["JWT_AUDIENCE"], os.environ.get("JWT_SCOPE", "")
    audiences = claims.get("aud", claims.get("client_id"))
    sub = claims.get("sub")
    is_valid = (
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
    if not is_valid:
        raise InvalidToken("invalid claim")
    return str(sub)


def _is_time(value: object) -> bool:
    return type(value) in (int, float)


_keys: dict[str, Any] = {}
_fetched_at_s = 0
_failed_at_s = 0


def _key(kid: str) -> Any:
    """The issuer's key with this id; the keys are fetched again when they are old, or lack the id."""
    global _fetched_at_s, _failed_at_s
    age_s = clock.now_s() - _fetched_at_s
    if age_s > KEYS_AGE_S_MAX or (kid not in _keys and age_s > KEYS_AGE_S_MIN):
        if clock.now_s() - _failed_at_s < KEYS_PAUSE_S:
            raise InvalidToken("the issuer's keys were unavailable a moment ago")
        try:
            fetched = _fetch(os.environ["JWKS_URL"])
        except (OSError, ValueError, HTTPException, RecursionError):
            _failed_at_s = clock.now_s()
            raise InvalidToken("the issuer's keys are unavailable") from None
        _fetched_at_s = clock.now_s()
        _keys.clear()
        _keys.update(fetched)
    if kid not in _keys:
        raise InvalidToken("unknown key")
    return _keys[kid]


def _fetch(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=KEYS_TIMEOUT_S) as response:
        found = json.loads(response.read(KEYS_BYTES_MAX))
    listed = found.get("keys", []) if isinstance(found, dict) else []
    keys = {}
    for jwk in listed if isinstance(listed, list) else []:
        if isinstance(jwk, dict) and jwk.get("use", "sig") == "sig" and jwk.get("kty") in ("RSA", "EC"):
            try:
                keys[str(jwk["kid"])] = jwt.PyJWK(jwk).key
            except (jwt.PyJWTError, KeyError, TypeError, ValueError):
                continue  # an unusable key does not disable the others
    return keys
