"""The logger and the metrics; nothing personal or secret reaches either.

Every metric has one dimension, `service`, which is the stack's name. Dashboards and alarms name it, and the number of
metrics does not grow with the number of customers.
"""

import hashlib
import os
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from shared.telemetry import journal

UNITS = {"Milliseconds": MetricUnit.Milliseconds, "Seconds": MetricUnit.Seconds, "Bytes": MetricUnit.Bytes}

logger = Logger()
metrics = Metrics(namespace="GarmentPay")


def count(name: str, value: int = 1) -> None:
    journal.count(name, value)


def count_each(counts: Mapping[str, int]) -> None:
    for name, value in counts.items():
        journal.count(name, value)


def canonical_log_line(kind: str, *, failed: bool, **fields: Any) -> None:
    """Write the log line of a request or event: its ids, and the metrics of everything counted while it ran.

    It holds no body, query or token. A failure also logs its breadcrumbs. Unexpected errors have lines of
    their own.
    """
    counts, breadcrumbs, errors = journal.drain()
    for error in errors:
        logger.error("unexpected error", extra=error | {"version": os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")})
    line = {name: value for name, value in fields.items() if value not in ("", None)} | _metrics_of(counts)
    if failed:
        logger.error(kind, extra=line | {"steps": breadcrumbs})
    else:
        logger.info(kind, extra=line)


def _metrics_of(counts: Mapping[str, int]) -> dict[str, Any]:
    """The counts, with the CloudWatch embedded metric format's directive that makes them metrics."""
    if not counts:
        return {}
    for name, value in counts.items():
        unit = next((unit for ending, unit in UNITS.items() if name.endswith(ending)), MetricUnit.Count)
        metrics.add_metric(name=name, unit=unit, value=value)
    embedded = metrics.serialize_metric_set()
    metrics.clear_metrics()
    return {"_aws": embedded["_aws"], **counts}


def pseudonym(customer: str) -> str:
    """A customer's name in the log: the same for all their requests, and irreversible."""
    return hashlib.sha256(customer.encode()).hexdigest()[:16] if customer else ""


def is_cold_start() -> bool | None:
    """True for the first request of a process, None for the others."""
    global _is_cold
    was_cold, _is_cold = _is_cold, None
    return was_cold


_is_cold: bool | None = True
