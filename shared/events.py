"""The door of functions that no request starts: a schedule's or a stream's event in, counts of what was done out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from shared import clock, telemetry

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


def _told(kind: str, context: Any, act: Callable[[], Counts]) -> Counts:
    """Do it, and write the one line about it whatever happens."""
    started_us, failed = clock.now_us(), True
    try:
        counts = act()
        failed = False
        return counts
    except Exception as error:
        telemetry.unexpected(error)
        raise
    finally:
        duration_ms = (clock.now_us() - started_us) // 1_000
        telemetry.canonical(kind, failed=failed, function=context.function_name, duration_ms=duration_ms)
