"""The door of functions that no request starts: a schedule's, a stream's or S3's event in, what was done out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from shared import clock, telemetry
from shared.errors import Unavailable
from shared.settings import settings

RESERVE_MS = 1_000  # kept back to write down what happened

Counts = dict[str, int]
Handler = Callable[[dict[str, Any], Any], Counts]


@dataclass(frozen=True, slots=True)
class Changed:
    """One change that a table's stream tells of: the item before and after it, as DynamoDB writes items."""

    before: dict[str, Any] | None
    after: dict[str, Any] | None


def scheduled(rule: Callable[[int], Counts]) -> Handler:
    """A Lambda handler around a rule that takes its deadline, in microseconds, and answers its counts."""

    def handler(event: dict[str, Any], context: Any) -> Counts:
        deadline_us = clock.now_us() + max(context.get_remaining_time_in_millis() - RESERVE_MS, 0) * 1_000
        return _told("schedule", context, lambda: rule(deadline_us))

    return handler


def streamed(rule: Callable[[Sequence[Changed]], Counts]) -> Handler:
    """A Lambda handler around a rule that takes a batch of changes; a batch that raises comes again, whole."""

    def handler(event: dict[str, Any], context: Any) -> Counts:
        records = [one["dynamodb"] for one in event["Records"]]
        changes = [Changed(one.get("OldImage"), one.get("NewImage")) for one in records]
        return _told("stream", context, lambda: rule(changes))

    return handler


def uploaded(rule: Callable[[str], Mapping[str, Any]]) -> Handler:
    """A Lambda handler around a rule that takes an upload's key and answers what to log of it.

    Every upload of the event gets its turn; if one fails, Lambda tries the whole event again.
    """

    def handler(event: dict[str, Any], context: Any) -> Counts:
        keys = list(_uploaded_keys(event))
        failed = [key for key in keys if not _followed(rule, key, context)]
        if failed:
            raise RuntimeError(f"{len(failed)} of {len(keys)} uploads are to be tried again")
        if not keys:
            telemetry.count("UploadEventIgnored")
            telemetry.canonical("upload", failed=False, function=context.function_name)
        return {"uploads": len(keys)}

    return handler


def _followed(rule: Callable[[str], Mapping[str, Any]], key: str, context: Any) -> bool:
    """Do it, and write the one line about it; False when it is to be tried again."""
    started_us, facts, done = clock.now_us(), {}, False
    try:
        facts, done = dict(rule(key)), True
    except Unavailable:
        telemetry.count("UploadPutOff")
    except Exception as error:
        telemetry.unexpected(error)
    duration_ms = (clock.now_us() - started_us) // 1_000
    telemetry.canonical("upload", failed=not done, function=context.function_name, duration_ms=duration_ms, **facts)
    return done


def _uploaded_keys(event: Any) -> Iterator[str]:
    """The keys that the event tells of, decoded; test events, other kinds and other buckets tell of none."""
    records = event.get("Records") if isinstance(event, dict) else None
    for record in records if isinstance(records, list) else []:
        try:
            is_ours = record["s3"]["bucket"]["name"] == settings().uploads_bucket
            if is_ours and record["eventName"].startswith("ObjectCreated:"):
                yield unquote_plus(record["s3"]["object"]["key"])
        except (KeyError, TypeError, AttributeError):
            continue


def _told(kind: str, context: Any, act: Callable[[], Counts]) -> Counts:
    """Do it, and write the one line about it whatever happens."""
    started_us, failed = clock.now_us(), True
    try:
        counts = act()
        failed = False
        return counts
    except Unavailable:
        raise  # it passes by itself, and the line says that this run failed
    except Exception as error:
        telemetry.unexpected(error)
        raise
    finally:
        duration_ms = (clock.now_us() - started_us) // 1_000
        telemetry.canonical(kind, failed=failed, function=context.function_name, duration_ms=duration_ms)
