"""The evaluator of alarms agrees with the examples of CloudWatch's manual, and with its metric math."""

from typing import Any

import pytest

from tests.support.cloudwatch import ALARM, INSUFFICIENT_DATA, OK, Math, Metrics, evaluate, metric, states

RETAINED = "the state before"
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
# Datapoints, oldest first: X breaches, 0 does not, - is missing. Then the state under each treatment.
THREE_OF_THREE = [
    ("0-X-X", (OK, OK, OK, OK)),
    ("----0", (OK, OK, OK, OK)),
    ("-----", (INSUFFICIENT_DATA, RETAINED, ALARM, OK)),
    ("0XX-X", (ALARM, ALARM, ALARM, ALARM)),
    ("--X--", (ALARM, RETAINED, ALARM, OK)),
]
TWO_OF_THREE = [
    ("0-X-X", (ALARM, ALARM, ALARM, ALARM)),
    ("00X0X", (ALARM, ALARM, ALARM, ALARM)),
    ("0-X--", (OK, OK, ALARM, OK)),
    ("----0", (OK, OK, ALARM, OK)),
    ("---X-", (ALARM, RETAINED, ALARM, OK)),
]
CASES = [
    (needed, points, treatment, state)
    for needed, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for points, expected in table
    for treatment, state in zip(TREATMENTS, expected, strict=True)
]


def alarm(**properties: Any) -> dict[str, Any]:
    common = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 0, "EvaluationPeriods": 3}
    return common | {"Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 300} | properties


@pytest.mark.parametrize(("needed", "points", "treatment", "state"), CASES)
def test_missing_data_is_treated_as_in_the_manual(needed: int, points: str, treatment: str, state: str) -> None:
    values = [{"X": 1.0, "0": 0.0, "-": None}[point] for point in reversed(points)]
    properties = alarm(DatapointsToAlarm=needed, TreatMissingData=treatment)
    assert evaluate(properties, values, RETAINED) == state


def test_missing_data_of_dynamodb_is_always_ignored() -> None:
    properties = alarm(Namespace="AWS/DynamoDB", TreatMissingData="notBreaching")
    assert evaluate(properties, [None] * 5, ALARM) == ALARM


def test_period_is_a_window_that_ends_now() -> None:
    metrics = Metrics()
    metrics.put(metric("N", "M", {}), [10], 1.0)
    properties = alarm(EvaluationPeriods=1, TreatMissingData="notBreaching")
    on = [minute for minute, state in enumerate(states(properties, metrics, range(40))) if state == ALARM]
    assert on == list(range(10, 25)), "on while one of the three periods that are read has the datapoint"


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("Sum", 6.0), ("SampleCount", 3), ("Maximum", 3.0), ("Minimum", 1.0), ("Average", 2.0), ("p99", 3.0)],
)
def test_statistics(statistic: str, value: float) -> None:
    metrics = Metrics()
    metrics.put(metric("N", "M", {}), [0, 1], 1.0)
    metrics.put(metric("N", "M", {}), [1], 2.0, 3.0)
    metrics.put(metric("N", "M", {}), [0], 1.0)
    assert metrics.datapoint(metric("N", "M", {}), statistic, 5, 1) == value
    assert metrics.datapoint(metric("N", "M", {"other": "dimension"}), statistic, 5, 1) is None


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("two + none", None),
        ("two + FILL(none, 3)", 5.0),
        ("IF(two >= 2 AND two / 4 > 0.4, 1, 0)", 1.0),
        ("IF(two >= 2 AND none > 0, 1, 0)", None),
        ("IF(two > 2 OR two == 2, 1, 0)", 1.0),
        ("two / FILL(none, 0)", None),
        ("IF(HOUR(none) >= 4, two, 9)", 2.0),
        ("IF(HOUR(two) < 4, two, 9)", 9.0),
    ],
)
def test_metric_math(expression: str, value: float | None) -> None:
    fetched = {"two": lambda _: 2.0, "none": lambda _: None}
    assert Math(fetched, minute=4 * 60 + 4, period_min=5).value(expression) == value
