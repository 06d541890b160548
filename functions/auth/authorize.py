"""The API's authorizer: a bearer token in, the caller's `sub` out, or Unauthorized at the least doubt."""

from typing import Any

from shared.tokens import Rejected, subject


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    try:
        sub = subject(event.get("authorizationToken") or "")
    except Rejected:
        raise Exception("Unauthorized") from None  # the word that makes the API answer 401
    # The whole API: the answer is cached for the token, and a policy for one path would refuse the next.
    arn_prefix = "/".join(event["methodArn"].split("/")[:2])
    allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{arn_prefix}/*"}
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    return {"principalId": sub, "policyDocument": policy, "context": {"sub": sub}}
