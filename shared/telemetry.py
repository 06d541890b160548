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
    """The one line of a request or event, with its ids, and the metrics of all that was counted during it.

    No body, no query, no token. The steps that led here are written only when it failed.
    """
    counts, steps = tally.taken()
    extra = {name: value for name, value in fields.items() if value not in ("", None)}
    extra |= {"counts": counts} if counts else {}
    if failed:
        logger.error(kind, extra=extra | {"steps": steps})
    else:
        logger.info(kind, extra=extra)
    for name, value in counts.items():
        unit = next((unit for ending, unit in UNITS.items() if name.endswith(ending)), MetricUnit.Count)
        metrics.add_metric(name=name, unit=unit, value=value)
    if counts:
        metrics.flush_metrics()


def pseudonym(customer: str) -> str:
    """What stands for a customer in the log: the same for all their requests, and not to be turned back."""
    return hashlib.sha256(customer.encode()).hexdigest()[:16] if customer else ""


def unexpected(error: BaseException) -> None:
    """An exception by its type and frames; its text might quote what was sent."""
    frames = []
    trace = error.__traceback__
    while trace:
        frames.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    tally.count("UnexpectedError")
    logger.error("unexpected error", extra={"error_type": type(error).__name__, "frames": frames[-8:]})
