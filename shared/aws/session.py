"""AWS: the one botocore session of a process, and the clients that are made from it."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import botocore
from botocore import handlers
from botocore.auth import AUTH_TYPE_MAPS
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.credentials import ContainerProvider, CredentialResolver, EnvProvider
from botocore.session import Session
from urllib3 import Timeout

from shared import private_names
from shared.deadline import Deadline

SERVICES = {  # and their names in events
    "dynamodb": "dynamodb",
    "s3": "s3",
    "secretsmanager": "secrets-manager",
    "sqs": "sqs",
}
ATTEMPTS = 3
# Roots of trust in files named by their hash, which the build makes of certifi's. Elsewhere botocore has its own.
ROOTS = Path(botocore.__file__).parents[1] / "certifi" / "roots"


@cache
def session() -> Session:
    """Its credentials are the function's: variables, or with SnapStart what Lambda answers on a local address."""
    made = Session(include_builtin_handlers=False)
    made.register_component("credential_provider", CredentialResolver([EnvProvider(), ContainerProvider()]))
    made.register_component("response_parser_factory", private_names.Parsers())
    AUTH_TYPE_MAPS["v4"] = private_names.Signer
    private_names.keep_aliases(made, list(SERVICES.values()))
    for service in ("", *SERVICES.values()):
        private_names.register_handlers(made, handlers, service)
    return made


def make_client(service: str, connect_s: float, read_s: float, **options: Any) -> Any:
    """A client with these timeouts. Every attempt ends before the current deadline, or is ServiceUnavailable.

    Its User-Agent is the same for every call. By itself botocore writes a new one, with what the call makes use of.
    """
    config = Config(
        connect_timeout=connect_s,
        read_timeout=read_s,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        user_agent=session().user_agent(),
        **options,
    )
    client = session().create_client(service, config=config)
    if ROOTS.exists():
        private_names.trust(client, str(ROOTS))
    client.meta.events.register("before-send", partial(_limit_timeouts, client, connect_s, read_s))
    pause_s: Any = partial(_pause_s, *_retry_rules())
    event = f"needs-retry.{SERVICES[service]}"
    client.meta.events.unregister(event, unique_id=f"retry-config-{SERVICES[service]}")
    client.meta.events.register(event, pause_s)
    return client


def _limit_timeouts(client: Any, connect_s: float, read_s: float, request: Any, **_: Any) -> None:
    connect_left_s, read_left_s = Deadline.current().timeouts(connect_s, read_s)
    private_names.set_connect_timeout(client, Timeout(connect=connect_left_s, read=read_left_s))
    request.context["read_timeout"] = read_left_s


def _retry_rules() -> tuple[Any, Any]:
    from botocore.retries import standard  # in use by the client anyway

    return standard.StandardRetryConditions(ATTEMPTS), standard.RetryEventAdapter()


def _pause_s(rules: Any, adapter: Any, attempts: int, **event: Any) -> float | None:
    """How long to wait before the next attempt; None for no other attempt.

    This takes the place of botocore's own handler, which has the same rules. Its pause is up to one second and then
    two, whatever time is left.
    """
    context = adapter.create_retry_context(attempts=attempts, **event)
    if not rules.is_retryable(context):
        adapter.adapt_retry_response_from_context(context)
        return None
    return random.uniform(0, min(2 ** (attempts - 1), Deadline.current().remaining_s / 4))


class _Body:
    """The part of urllib3's response that botocore reads a body from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> Iterator[bytes]:
        yield self._data


@contextmanager
def answered_here(client: Any, body: bytes = b"") -> Iterator[None]:
    """Within the block every call of the client is built and signed, but not sent: this response answers it."""

    def answer(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, 200, HTTPHeaders(), _Body(body))

    client.meta.events.register_last("before-send", answer)
    try:
        yield
    finally:
        client.meta.events.unregister("before-send", answer)
