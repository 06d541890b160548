"""The one logger and the one set of metrics; what is personal or secret never reaches either.

Every metric has one dimension, `service`, which is the stack's name: dashboards and alarms name it, and nothing grows
with customers.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from shared import tally

UNITS = {"Milliseconds": MetricUnit.Milliseconds, "Seconds": MetricUnit.Seconds, "Bytes": MetricUnit.Bytes}

logger = Logger()
metrics = Metrics(namespace="GarmentPay")


def count(name: str, value: int = 1) -> None:
    """One more of something that happened; the metric's name is its past event, never with a customer in it."""
    tally.count(name, value)


def count_each(counts: Mapping[str, int]) -> None:
    for name, value in counts.items():
        tally.count(name, value)


def canonical(kind: str, *, failed: bool, **fields: Any) -> None:
    """The one line of a request or event, with its ids, which also carries the metrics of all that was counted in it.

    No body, no query, no token. The steps that led here are written only when it failed.
    """
    counts, steps = tally.taken()
    line = {name: value for name, value in fields.items() if value not in ("", None)} | _metrics_of(counts)
    if failed:
        logger.error(kind, extra=line | {"steps": steps})
    else:
        logger.info(kind, extra=line)


def _metrics_of(counts: Mapping[str, int]) -> dict[str, Any]:
    """The counts in CloudWatch's embedded metric format: plain numbers, and what makes metrics of them."""
    if not counts:
        return {}
    for name, value in counts.items():
        unit = next((unit for ending, unit in UNITS.items() if name.endswith(ending)), MetricUnit.Count)
        metrics.add_metric(name=name, unit=unit, value=value)
    embedded = metrics.serialize_metric_set()
    metrics.clear_metrics()
    return {"_aws": embedded["_aws"], **counts}


def pseudonym(customer: str) -> str:
    """What stands for a customer in the log: the same for all their requests, and not to be turned back."""
    return hashlib.sha256(customer.encode()).hexdigest()[:16] if customer else ""


def is_cold_start() -> bool | None:
    """True for the first request of a process, nothing for those that follow."""
    global _is_cold
    was_cold, _is_cold = _is_cold, None
    return was_cold


_is_cold: bool | None = True


def unexpected(error: BaseException) -> None:
    """An exception by its type and frames; its text might quote what was sent."""
    frames = []
    trace = error.__traceback__
    while trace:
        frames.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    tally.count("UnexpectedError")
    logger.error("unexpected error", extra={"error_type": type(error).__name__, "frames": frames[-8:]})
