"""The API's authorizer: a valid bearer token becomes the caller's `sub`; anything else is Unauthorized."""

from typing import Any

from shared.auth import InvalidToken, subject


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    try:
        sub = subject(event.get("authorizationToken") or "")
    except InvalidToken:
        raise Exception("Unauthorized") from None  # the word that makes the API answer 401
    # The whole API: API Gateway caches the policy by token, and one for a single path would refuse the next request.
    arn_prefix = "/".join(event["methodArn"].split("/")[:2])
    allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{arn_prefix}/*"}
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    return {"principalId": sub, "policyDocument": policy, "context": {"sub": sub}}
