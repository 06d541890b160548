"""Adapters for functions that are not invoked over HTTP: a schedule's, a stream's or S3's event in, counts out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from shared import clock, initialization
from shared.deadline import Deadline
from shared.errors import ServiceUnavailable
from shared.settings import settings
from shared.telemetry import journal, log

RESERVE_MS = 1_000  # reserved for writing the log line
CHECK_SOURCE = "garment-pay.deployment"  # of the event that functions/deployments/check_version.py sends

Counts = dict[str, int]
Handler = Callable[[dict[str, Any], Any], Counts]


class Change(NamedTuple):
    """One change in a table's stream: the item before and after it, in DynamoDB's JSON."""

    before: dict[str, Any] | None
    after: dict[str, Any] | None


def scheduled(run: Callable[[], Counts]) -> Handler:
    """The Lambda handler of a scheduled job that returns its counts. A deployment's check does not run it."""

    def handler(event: dict[str, Any], context: Any) -> Counts:
        if event.get("source") == CHECK_SOURCE:
            return {}
        return _run_logged("schedule", context, run)

    initialization.finish()
    return handler


def streamed(process: Callable[[Sequence[Change]], Counts]) -> Handler:
    """The Lambda handler of a stream's batches; a batch that raises is delivered again, whole."""

    def handler(event: dict[str, Any], context: Any) -> Counts:
        records = [record["dynamodb"] for record in event["Records"]]
        changes = [Change(record.get("OldImage"), record.get("NewImage")) for record in records]
        return _run_logged("stream", context, lambda: process(changes))

    initialization.finish()
    return handler


def uploaded(process: Callable[[str], Mapping[str, Any]]) -> Handler:
    """The Lambda handler of uploads to S3; `process` takes an upload's key and returns the facts for its log line.

    Every upload of the event is processed; if one fails, Lambda retries the whole event.
    """

    def handler(event: dict[str, Any], context: Any) -> Counts:
        keys = list(uploaded_keys(event))
        with _deadline(context):
            failed = [key for key in keys if not _process_upload(process, key, context)]
        if failed:
            raise RuntimeError(f"{len(failed)} of {len(keys)} uploads are to be tried again")
        if not keys:
            log.count("UploadEventIgnored")
            log.canonical_log_line("upload", failed=False, function=context.function_name)
        return {"uploads": len(keys)}

    initialization.finish()
    return handler


def _process_upload(process: Callable[[str], Mapping[str, Any]], key: str, context: Any) -> bool:
    """Process one upload and write its log line; False when it is to be retried."""
    started_us, facts, is_done = clock.now_us(), {}, False
    try:
        facts, is_done = dict(process(key)), True
    except ServiceUnavailable:
        log.count("UploadRetried")
    except Exception as error:
        journal.unexpected(error)
    duration_ms = (clock.now_us() - started_us) // 1_000
    log.canonical_log_line(
        "upload", failed=not is_done, function=context.function_name, duration_ms=duration_ms, **facts
    )
    return is_done


def uploaded_keys(event: Any) -> Iterator[str]:
    """The keys of an event's uploads, decoded; test events, other kinds and other buckets have none."""
    records = event.get("Records") if isinstance(event, dict) else None
    for record in records if isinstance(records, list) else []:
        try:
            is_ours = record["s3"]["bucket"]["name"] == settings().uploads_bucket
            if is_ours and record["eventName"].startswith("ObjectCreated:"):
                yield unquote_plus(record["s3"]["object"]["key"])
        except (KeyError, TypeError, AttributeError):
            continue


def _run_logged(kind: str, context: Any, run: Callable[[], Counts]) -> Counts:
    """Run within the deadline, and write the log line whatever happens."""
    started_us, has_failed = clock.now_us(), True
    try:
        with _deadline(context):
            counts = run()
        has_failed = False
        return counts
    except ServiceUnavailable:
        raise  # transient: the log line says that this run failed, and the next one makes up for it
    except Exception as error:
        journal.unexpected(error)
        raise
    finally:
        duration_ms = (clock.now_us() - started_us) // 1_000
        log.canonical_log_line(kind, failed=has_failed, function=context.function_name, duration_ms=duration_ms)


def _deadline(context: Any) -> Deadline:
    return Deadline((context.get_remaining_time_in_millis() - RESERVE_MS) / 1_000)
