"""Adapter for API Gateway's authorizer: a bearer token in, a policy out, and a log line unless all is well.

API Gateway reuses a returned policy for the same token, but not an exception. So only a refusal that stays right is a
policy. Its context fills the response, which cannot distinguish two exceptions.
"""

from collections.abc import Callable
from typing import Any

from shared.auth import Caller, InvalidToken, KeysUnavailable
from shared.telemetry import journal

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def authorizer(authenticate: Callable[[str], Caller]) -> Handler:
    """The Lambda handler of an authorizer; `authenticate` judges an Authorization header."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            caller = authenticate(event.get("authorizationToken") or "")
        except InvalidToken as refusal:
            journal.count("TokenRefused")
            _write_log_line(context, failed=False, reason=refusal.reason)
            if not refusal.is_final:
                raise Exception("Unauthorized") from None  # the word that makes the API answer 401
            return _policy(event, "Deny", "nobody", {"code": refusal.code, "detail": refusal.text})
        except KeysUnavailable as error:
            journal.count("KeysUnavailable")
            _write_log_line(context, failed=True, reason=str(error))
            raise  # the API answers 503: after a 401 the app would ask its customer to log in again
        if not journal.is_empty():
            _write_log_line(context, failed=True, reason="the issuer's keys are stale")
        return _policy(event, "Allow", caller.sub, _context(caller))

    return handler


def _context(caller: Caller) -> dict[str, str]:
    """What the function sees. Only staff have `groups`, and theirs may be empty; only a customer has a `phone`."""
    # The function refuses the caller after `expires_at`: API Gateway may still reuse this policy then.
    context = {"sub": caller.sub, "expires_at": str(caller.expires_at_s)}
    if caller.groups is not None:
        return context | {"groups": " ".join(caller.groups)}
    return context | ({"phone": caller.phone} if caller.phone else {})


def _policy(event: dict[str, Any], effect: str, principal: str, context: dict[str, str]) -> dict[str, Any]:
    """A policy for the whole API: one for a single path would be wrong when it is reused for the next path.

    API Gateway asks it only for routes of this authorizer, so a customer's policy opens no route of staff.
    """
    resource = "/".join([*event["methodArn"].split("/")[:2], "*"])
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": principal, "policyDocument": document, "context": context}


def _write_log_line(context: Any, *, failed: bool, reason: str) -> None:
    from shared.telemetry import log  # only here: a cold start of the authorizer delays the request

    log.canonical_log_line("token", failed=failed, reason=reason, function=getattr(context, "function_name", None))
