"""Every alarm is tried: on the metrics of its incidents it is raised in time, and on a calm day it is not."""

import pytest

from tests.support.cloudwatch import ALARM, MINUTES_OF_DAY, states
from tests.support.deployment import CALM, faults_of_alarm
from tests.support.incidents import INCIDENTS, START, UNATTENDED, VERSIONS, own
from tests.support.monitoring import ALARMS, TEMPLATE


def test_every_alarm_has_an_incident() -> None:
    assert set(INCIDENTS) == set(ALARMS)


@pytest.mark.parametrize("name", INCIDENTS)
def test_alarm_is_raised_in_its_incidents_and_not_on_a_calm_day(name: str) -> None:
    assert list(faults_of_alarm(name, ALARMS[name])) == []


def test_every_function_without_a_caller_has_an_alarm() -> None:
    """A request that fails counts as an error of the API. Nothing counts the failures of the other functions."""
    functions = TEMPLATE.of_type("AWS::Serverless::Function")
    called = {route.function for route in TEMPLATE.routes} | set(TEMPLATE.authorizers.values())
    assert set(functions) - called == set(UNATTENDED)


def test_new_version_of_every_function_is_watched() -> None:
    watched = [function for functions in VERSIONS.values() for function in functions]
    assert set(watched) ^ set(TEMPLATE.functions) == set()
    assert len(watched) == len(set(watched))
    assert len(VERSIONS) < 10, "CodeDeploy takes ten alarms"


def test_review_does_not_end_because_the_reconciler_is_silent() -> None:
    metrics = CALM.copy()
    metrics.put(own("PaymentsInReview"), [START], 1)
    metrics.remove(own("PaymentsInReview"), range(START + 1, MINUTES_OF_DAY))
    assert set(states(ALARMS["PaymentsInReviewAlarm"], metrics, range(START, MINUTES_OF_DAY))) == {ALARM}
