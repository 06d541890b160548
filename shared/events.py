"""The door of functions that no request starts: a schedule's event in, what was done out."""

from collections.abc import Callable
from typing import Any

from shared import clock, telemetry

RESERVE_MS = 1_000  # kept back to write down what happened


def scheduled(rule: Callable[[int], dict[str, int]]) -> Callable[[dict[str, Any], Any], dict[str, int]]:
    """A Lambda handler around a rule that takes its deadline, in microseconds, and answers its counts."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
        deadline_us = clock.now_us() + max(context.get_remaining_time_in_millis() - RESERVE_MS, 0) * 1_000
        try:
            counts = rule(deadline_us)
            telemetry.logger.info("schedule", extra=dict(counts))
            return counts
        finally:
            telemetry.flush()

    return handler
