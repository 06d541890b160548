"""CloudWatch's alarms without CloudWatch: metrics that a test writes, and the states that an alarm goes through.

Periods are sliding windows that end with the minute of the evaluation, as in CloudWatch. So is the range that it
reads: a few periods more than it evaluates, which matter when data is missing. Metric math is the part that the
templates use.
"""

import ast
import functools
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

ALARM, OK, INSUFFICIENT_DATA = "ALARM", "OK", "INSUFFICIENT_DATA"
EXTRA_PERIODS = 2  # how many more than EvaluationPeriods are read, as in the examples of CloudWatch's manual
MINUTES_OF_DAY = 1_440

Metric = tuple[str, str, frozenset[tuple[str, str]]]
Values = Callable[[int], float | None]  # the datapoint of the period that ends with a minute


def metric(namespace: str, name: str, dimensions: Mapping[str, str]) -> Metric:
    return namespace, name, frozenset(dimensions.items())


class Metrics:
    """The samples of every metric, by minute. Minute 0 is midnight UTC."""

    def __init__(self, samples: Mapping[Metric, Mapping[int, list[float]]] | None = None) -> None:
        self._samples: dict[Metric, dict[int, list[float]]] = defaultdict(dict)
        for name, minutes in (samples or {}).items():
            self._samples[name] = dict(minutes)

    def copy(self) -> "Metrics":
        return Metrics(self._samples)

    def put(self, name: Metric, minutes: Iterable[int], *values: float) -> None:
        """Replace the samples of these minutes."""
        for minute in minutes:
            self._samples[name][minute] = list(values)

    def remove(self, name: Metric, minutes: Iterable[int]) -> None:
        for minute in minutes:
            self._samples[name].pop(minute, None)

    def datapoint(self, name: Metric, statistic: str, period_min: int, minute: int) -> float | None:
        minutes = self._samples.get(name, {})
        window = range(minute - period_min + 1, minute + 1)
        samples = [value for each in window if each in minutes for value in minutes[each]]
        return STATISTICS[statistic](samples) if samples else None


def _percentile_99(samples: Sequence[float]) -> float:
    return sorted(samples)[math.ceil(len(samples) * 0.99) - 1]


STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Sum": math.fsum,
    "SampleCount": len,
    "Maximum": max,
    "Minimum": min,
    "Average": lambda samples: math.fsum(samples) / len(samples),
    "p99": _percentile_99,
}


def states(alarm: Mapping[str, Any], metrics: Metrics, minutes: Iterable[int], state: str = OK) -> list[str]:
    """The state after the evaluation of each minute. `alarm` is the resolved properties of an alarm."""
    period_min, values = _values(alarm, metrics)
    result = []
    for minute in minutes:
        periods = int(alarm["EvaluationPeriods"]) + EXTRA_PERIODS
        newest_first = [values(minute - index * period_min) for index in range(periods)]
        state = evaluate(alarm, newest_first, state)
        result.append(state)
    return result


def evaluate(alarm: Mapping[str, Any], newest_first: Sequence[float | None], state: str) -> str:
    """The state that these datapoints lead to from another state. None is a period without data."""
    periods = int(alarm["EvaluationPeriods"])
    needed = int(alarm.get("DatapointsToAlarm", periods))
    is_breaching = COMPARISONS[alarm["ComparisonOperator"]]
    threshold = float(alarm["Threshold"])
    real = [is_breaching(value, threshold) for value in newest_first if value is not None]
    if len(real) >= periods:  # enough data: how missing data is treated does not matter
        return ALARM if sum(real[:periods]) >= needed else OK
    missing = periods - len(real)
    treatment = _treatment(alarm)
    if treatment in ("breaching", "notBreaching"):
        return ALARM if sum(real) + missing * (treatment == "breaching") >= needed else OK
    if sum(real) >= needed:
        return ALARM
    if not all(real):
        return OK
    if treatment == "ignore":
        return state
    return ALARM if real else INSUFFICIENT_DATA


def _treatment(alarm: Mapping[str, Any]) -> str:
    """CloudWatch ignores missing data of DynamoDB, whatever the alarm says."""
    return "ignore" if alarm.get("Namespace") == "AWS/DynamoDB" else str(alarm.get("TreatMissingData", "missing"))


COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def _values(alarm: Mapping[str, Any], metrics: Metrics) -> tuple[int, Values]:
    """The alarm's period in minutes, and its datapoints."""
    if "Metrics" not in alarm:
        statistic = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        return _fetch(alarm, int(alarm["Period"]), str(statistic), metrics)
    fetched, periods = {}, set()
    for row in alarm["Metrics"]:
        if "MetricStat" in row:
            stat = row["MetricStat"]
            period_min, fetched[row["Id"]] = _fetch(stat["Metric"], int(stat["Period"]), stat["Stat"], metrics)
            periods.add(period_min)
    (expression,) = [row["Expression"] for row in alarm["Metrics"] if row.get("ReturnData") is True]
    period_min = max(periods)  # a metric of a shorter period has no value for the longer one
    if len(periods) > 1:
        return period_min, lambda minute: None
    return period_min, lambda minute: Math(fetched, minute, period_min).value(expression)


def _fetch(source: Mapping[str, Any], period_s: int, statistic: str, metrics: Metrics) -> tuple[int, Values]:
    dimensions = {row["Name"]: row["Value"] for row in source.get("Dimensions", [])}
    name = metric(source["Namespace"], source["MetricName"], dimensions)
    assert period_s % 60 == 0, "high-resolution alarms are not evaluated here"
    return period_s // 60, functools.cache(lambda minute: metrics.datapoint(name, statistic, period_s // 60, minute))


class Math:
    """Metric math for one period. An operation on missing data has no result, except FILL."""

    def __init__(self, fetched: Mapping[str, Values], minute: int, period_min: int) -> None:
        self._fetched, self._minute = fetched, minute
        self._started = minute + 1 - period_min  # the timestamp of a period is its start

    def value(self, expression: str) -> float | None:
        return self._of(_parse(expression))

    def _of(self, node: ast.expr) -> float | None:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return self._fetched[name](self._minute)
            case ast.Call(func=ast.Name(id="FILL"), args=[term, filling]):
                value = self._of(term)
                return self._of(filling) if value is None else value
            case ast.Call(func=ast.Name(id="HOUR"), args=[_]):  # a number for every period, with or without data
                return self._started % MINUTES_OF_DAY // 60
            case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
                chosen = self._of(condition)
                return None if chosen is None else self._of(yes if chosen else no)
            case ast.BoolOp(op=operation, values=terms):
                values = [self._of(term) for term in terms]
                combine = all if isinstance(operation, ast.And) else any
                return None if None in values else float(combine(values))
            case ast.BinOp(left=left, op=operation, right=right):
                return _calculate(type(operation), self._of(left), self._of(right))
            case ast.Compare(left=left, ops=[operation], comparators=[right]):
                return _calculate(type(operation), self._of(left), self._of(right))
        raise AssertionError(f"metric math that is not evaluated here: {ast.dump(node)}")


@functools.cache
def _parse(expression: str) -> ast.expr:
    python = re.sub(r"\b(AND|OR)\b", lambda match: match[0].lower(), expression)
    return ast.parse(python, mode="eval").body


def _calculate(operation: type, left: float | None, right: float | None) -> float | None:
    if left is None or right is None or (operation is ast.Div and right == 0):
        return None
    return float(OPERATIONS[operation](left, right))


OPERATIONS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
    ast.Gt: lambda left, right: left > right,
    ast.GtE: lambda left, right: left >= right,
    ast.Lt: lambda left, right: left < right,
    ast.LtE: lambda left, right: left <= right,
    ast.Eq: lambda left, right: left == right,
}
