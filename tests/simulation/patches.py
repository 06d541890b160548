"""Every place where the simulation replaces a part of the shared code or of an SDK, by its path.

The clock, the AWS clients, the Razorpay session and the log streams are pointed at the current world. When the
shared code moves, only this module and `tests/support/cached_state.py` follow.
"""

import importlib.metadata
import itertools
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import botocore.endpoint
import botocore.regions
import botocore.retries.quota
import botocore.signers
import botocore.useragent
from pynamodb.attributes import AttributeContainer

from tests.simulation.faults import Adapter
from tests.support.cached_state import clear_cached_state

if TYPE_CHECKING:
    from tests.simulation.world import World

Replace = Callable[[Any, str, Any], None]  # owner, attribute, new value
CurrentWorld = Callable[[], "World"]
NEVER_US = 10**18  # a secret that was read then expires after every world


@contextmanager
def patched(world: CurrentWorld, key_id: str, key_secret: str, razorpay_url: str) -> Iterator[None]:
    """Point the shared code and the SDKs at the current world until the block ends."""
    replaced: list[tuple[Any, str, Any]] = []

    def replace(owner: Any, name: str, value: Any) -> None:
        replaced.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    try:
        _patch_clock(replace, world)
        _patch_sdks(replace, world)
        _patch_razorpay(world, key_id, key_secret, razorpay_url)
        _patch_lists(replace, world)
        _patch_output(replace, world)
        yield
    finally:
        for owner, name, value in reversed(replaced):
            setattr(owner, name, value)
        clear_cached_state()


def cache_secrets(secrets: Mapping[str, str]) -> None:
    """Make the process warm: it has fetched its secrets, and they never expire."""
    store = _cached_secrets()
    for name, text in secrets.items():
        store[name] = json.loads(text), NEVER_US


def forget_secrets() -> None:
    """Make the process cold: the next request fetches its secrets first."""
    _cached_secrets().clear()


@contextmanager
def unreadable_payments() -> Iterator[None]:
    """A version of the receiver that cannot read Razorpay's payments: every event about one is unusable."""
    from shared.payments import webhook
    from shared.razorpay.entities import UnexpectedPayload, payment_from

    def refuse(entity: Any) -> Any:
        raise UnexpectedPayload("a new shape")

    setattr(webhook, payment_from.__name__, refuse)
    try:
        yield
    finally:
        setattr(webhook, payment_from.__name__, payment_from)


def _cached_secrets() -> dict[str, tuple[dict[str, Any], int]]:
    from shared.aws import secrets

    return secrets._cache()


def _patch_clock(replace: Replace, world: CurrentWorld) -> None:
    from shared import clock

    replace(clock, "now_us", lambda: world().clock_us)
    replace(clock, "new_id", lambda: world().new_id())
    replace(clock, "sleep", lambda seconds: world().tick(int(seconds * 1_000_000)))
    replace(clock, "jitter", lambda seconds_max: world().random.uniform(0, seconds_max))


def _patch_sdks(replace: Replace, world: CurrentWorld) -> None:
    from shared.aws import dynamodb_client, s3, secrets, session, sqs
    from shared.deadline import Deadline

    clear_cached_state()
    limit_timeouts = session._limit_timeouts

    def limit_timeouts_once(*client: Any, **event: Any) -> None:
        if not world().wire.is_first_try_made:  # or else it was limited before the call waited for its turn
            limit_timeouts(*client, **event)

    replace(session, "_limit_timeouts", limit_timeouts_once)

    class Time:
        """botocore's back-off, by the world's clock."""

        time = staticmethod(lambda: world().clock_us / 1_000_000)
        sleep = staticmethod(lambda seconds: world().tick(int(seconds * 1_000_000)))

    replace(botocore.endpoint, "time", Time)
    # The retry quota lives as long as its client, and clients outlive worlds: each world would start with what the
    # one before it had left.
    replace(botocore.retries.quota.RetryQuota, "acquire", lambda self, amount: True)
    _patch_sdk_costs(replace)

    def call_aws(request: Any, **more: Any) -> Any:
        return world().wire.call_aws(request)

    def call_s3(request: Any, **more: Any) -> Any:
        return world().wire.call_s3(request)

    dynamodb = dynamodb_client.client()
    real_call = dynamodb._make_api_call

    def call_dynamodb(operation: str, parameters: dict[str, Any]) -> Any:
        wire = world().wire
        if not wire.skips_botocore or Deadline.current().has_passed:  # then the client's own hook makes no call
            return real_call(operation, parameters)
        return wire.call_dynamodb(operation, parameters, lambda: real_call(operation, parameters))

    replace(dynamodb, "_make_api_call", call_dynamodb)
    # Last, so that the clients' own hooks, which shorten timeouts to the deadline, run before.
    for client in (dynamodb, secrets.client(), sqs.client()):
        client.meta.events.register_last("before-send", call_aws)
    s3.client().meta.events.register_last("before-send", call_s3)


def _patch_razorpay(world: CurrentWorld, key_id: str, key_secret: str, url: str) -> None:
    from shared.razorpay.client import _client

    _client(key_id, key_secret, url).session.mount(
        "http://", Adapter(lambda request: world().wire.call_razorpay(request))
    )


def _patch_lists(replace: Replace, world: CurrentWorld) -> None:
    import payments.reconcile as function
    from shared.payments import reconcile
    from shared.refunds.reconcile import reconcile_refunds

    replace(function, "WORKERS", 1)  # the world decides in which order calls are made
    follow_lists = reconcile.follow_lists
    replace(
        reconcile, "follow_lists", lambda work: (follow_lists if world().reads_lists else reconcile_refunds)(work)
    )


def _default(attribute: Any, is_new: bool) -> Any:
    return attribute.default_for_new if is_new and attribute.default_for_new is not None else attribute.default


def _patch_sdk_costs(replace: Replace) -> None:
    """Cache what the SDKs compute for every call though it never changes and nobody reads it here.

    It took a third of the run time.
    """
    versions: dict[str, str] = {}
    real_version = importlib.metadata.version
    replace(
        importlib.metadata,
        "version",
        lambda name: versions.get(name) or versions.setdefault(name, real_version(name)),
    )
    numbers = itertools.count()  # ids of calls must differ, and need not be random
    replace(uuid, "uuid4", lambda: next(numbers))
    # The signature of a call. Presigned URLs and forms are still signed.
    replace(botocore.signers.RequestSigner, "handler", lambda self, operation_name=None, request=None, **more: None)
    replace(botocore.useragent.UserAgentString, "to_string", lambda self: "simulation")
    # Most attributes of a row have no default, and pynamodb looks for one twice whenever it reads a row.
    defaults: dict[tuple[Any, bool], list[tuple[str, Any]]] = {}

    def set_defaults(row: Any, _user_instantiated: bool = True) -> None:
        key = type(row), _user_instantiated
        if key not in defaults:
            found = [(name, _default(each, _user_instantiated)) for name, each in row.get_attributes().items()]
            defaults[key] = [(name, default) for name, default in found if default is not None]
        for name, default in defaults[key]:
            value = default() if callable(default) else default
            if value is not None:
                setattr(row, name, value)

    replace(AttributeContainer, "_set_defaults", set_defaults)
    endpoints: dict[Any, Any] = {}
    construct = botocore.regions.EndpointRulesetResolver.construct_endpoint

    def endpoint(resolver: Any, operation_model: Any, call_args: dict[str, Any], request_context: Any) -> Any:
        """A bucket's name is part of its address. For the other services one address serves every operation."""
        if "Bucket" in call_args:
            return construct(resolver, operation_model, call_args, request_context)
        if resolver not in endpoints:
            endpoints[resolver] = construct(resolver, operation_model, call_args, request_context)
        return endpoints[resolver]

    replace(botocore.regions.EndpointRulesetResolver, "construct_endpoint", endpoint)


def _patch_output(replace: Replace, world: CurrentWorld) -> None:
    """Write logs and metrics to the world that caused them."""
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf import cloudwatch

    from shared.telemetry import log

    class Sink:
        write = staticmethod(lambda text: world().log.write(text))
        flush = staticmethod(lambda: None)

    for handler in log.logger.handlers:
        replace(handler, "stream", Sink)
    replace(log.logger._logger, "propagate", False)
    cloudwatch.print = lambda *texts: world().log.write(" ".join(map(str, texts)) + "\n")  # type: ignore[attr-defined]
