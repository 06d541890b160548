"""What the shared code keeps from one request of a process to the next, in one place."""

from collections.abc import Iterable, Iterator
from typing import Any

import boto3


def clear_cached_state() -> None:
    """Drop cached settings, clients, connections and secrets, so that the next call reads the environment again."""
    from shared.razorpay import client
    from shared.settings import settings

    clear_caches((settings, client._client, *aws_caches()))
    boto3.DEFAULT_SESSION = None  # it remembers the first credentials it found


def clear_caches(caches: Iterable[Any]) -> None:
    """Drop what these cached functions hold, and the tables' connections."""
    from shared.aws.dynamodb import Table

    for cached in caches:
        cached.cache_clear()
    for model in table_models(Table):
        model._connection = None


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
