"""Secrets Manager: secrets by name, each a JSON object, kept for five minutes."""

from functools import cache
from typing import Any

from shared.aws.timeouts import limit_timeouts
from shared.errors import ServiceUnavailable

SECRET_AGE_S_MAX = 300
CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 2
ATTEMPTS = 3

OUR_MISTAKES = ("AccessDeniedException", "ResourceNotFoundException")  # trying again is of no use


def get_secret(name: str) -> dict[str, Any]:
    """The secret's object; ServiceUnavailable when it cannot be read now."""
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

    try:
        secret = provider().get(name, transform="json", max_age=SECRET_AGE_S_MAX)
    except GetParameterError as error:
        if _code(error.__context__) in OUR_MISTAKES:
            raise
        raise ServiceUnavailable from error
    if not isinstance(secret, dict):
        raise RuntimeError(f"the secret {name} is not a JSON object")
    return secret


@cache
def provider() -> Any:
    """Powertools' cache around one client, made at first use: most functions read no secret."""
    from aws_lambda_powertools.utilities.parameters import SecretsProvider
    from botocore.config import Config

    made = SecretsProvider(
        boto_config=Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        )
    )
    limit_timeouts(made.client, CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
    return made


def _code(error: BaseException | None) -> str:
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code"))
