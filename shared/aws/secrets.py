"""Secrets Manager: secrets by name, each a JSON object, kept for five minutes."""

import json
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared import clock, initialization
from shared.aws.session import answered_here, make_client
from shared.errors import ServiceUnavailable

SECRET_AGE_S_MAX = 300
CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 2

OUR_MISTAKES = ("AccessDeniedException", "ResourceNotFoundException")  # trying again is of no use


def get_secret(name: str) -> dict[str, Any]:
    """The secret's object; ServiceUnavailable when it cannot be read now."""
    secret, read_at_us = _cache().get(name, ({}, 0))
    if clock.now_us() - read_at_us > SECRET_AGE_S_MAX * 1_000_000:
        secret = _read(name)
        _cache()[name] = secret, clock.now_us()
    return secret


@cache
def client() -> Any:
    return make_client("secretsmanager", CONNECT_TIMEOUT_S, READ_TIMEOUT_S)


def prepare_client() -> None:
    """Have the client made and connected in the initialization: for functions that read a secret in every event."""
    initialization.register(client, _rehearse)


def _rehearse(made: Any) -> None:
    with answered_here(made):
        made.get_secret_value(SecretId="rehearsal")


@cache
def _cache() -> dict[str, tuple[dict[str, Any], int]]:
    """By name, the secrets that were read and when."""
    return {}


def _read(name: str) -> dict[str, Any]:
    try:
        text = client().get_secret_value(SecretId=name)["SecretString"]
    except ClientError as error:
        if error.response["Error"]["Code"] in OUR_MISTAKES:
            raise
        raise ServiceUnavailable from error
    except BotoCoreError as error:
        raise ServiceUnavailable from error
    try:
        secret = json.loads(text)
    except ValueError:
        secret = None  # the exception would quote the secret
    if not isinstance(secret, dict):
        raise RuntimeError(f"the secret {name} is not a JSON object")
    return secret
