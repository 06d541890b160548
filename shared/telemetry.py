"""The one logger and the one set of metrics; what is personal or secret never reaches either."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
metrics = Metrics()


def count(name: str, value: float = 1) -> None:
    """One more of something that happened; the metric's name is its past event, never with a customer in it."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def count_each(counts: Mapping[str, int]) -> None:
    for name, value in counts.items():
        count(name, value)


def canonical(**fields: Any) -> None:
    """The one line of a request: route, status, duration, error code and ids; no body, no query, no token."""
    logger.info("request", extra=fields)


def unexpected(error: BaseException) -> None:
    """An exception by its type and frames; its text might quote what was sent."""
    frames = []
    trace = error.__traceback__
    while trace:
        frames.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    logger.error("unexpected error", extra={"error_type": type(error).__name__, "frames": frames[-8:]})


def flush() -> None:
    """Write the metrics of this invocation, if there are any."""
    if metrics.metric_set:
        metrics.flush_metrics()
