"""What the shared code keeps from one request of a process to the next, in one place."""

from collections.abc import Iterator
from typing import Any

import boto3


def clear_cached_state() -> None:
    """Drop cached settings, clients and secrets, so that the next call reads the environment again."""
    from shared.aws import dynamodb
    from shared.razorpay import client
    from shared.settings import settings

    for cached in (settings, client._client, *aws_caches()):
        cached.cache_clear()
    for model in table_models(dynamodb.Table):
        model._connection = None
    boto3.DEFAULT_SESSION = None  # it remembers the first credentials it found


def aws_caches() -> tuple[Any, ...]:
    """The cached session, clients and signer, and the secrets that were read."""
    from shared.aws import dynamodb_client, presign, s3, secrets
    from shared.aws.session import session

    clients = (dynamodb_client.client, dynamodb_client.connection, s3.client, secrets.client)
    return session, *clients, presign._signer, secrets._cache


def table_models(base: Any) -> Iterator[Any]:
    """Every model of a table that has been imported."""
    for model in base.__subclasses__():
        yield model
        yield from table_models(model)
