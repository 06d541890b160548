"""The hook before traffic: which versions it lets through, and that no function does anything on its event."""

import importlib
import io
import json
from typing import Any

import boto3
import pytest

from deployments.check_version import CHECK, handler
from local.template import Template
from shared.telemetry import journal
from tests.support.lambda_events import LambdaContext

EVENT = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "hook-1"}
FUNCTION = {"Name": "stack-Pay-1", "Alias": "live", "CurrentVersion": "6", "TargetVersion": "7"}
SPEC = json.dumps({"version": 0.0, "Resources": [{"Pay": {"Type": "AWS::Lambda::Function", "Properties": FUNCTION}}]})
TEMPLATE = Template()


class Aws:
    """Both clients. `answer` is what the version answers, or an exception that the call raises."""

    def __init__(self, answer: Any, has_failed: bool = False, kind: str = "string", spec: str = SPEC) -> None:
        self.answer, self.has_failed, self.kind, self.spec = answer, has_failed, kind, spec
        self.invoked: list[tuple[str, str]] = []
        self.reported: list[str] = []

    def get_deployment(self, deploymentId: str) -> dict[str, Any]:  # noqa: N803
        assert deploymentId == "d-1"
        return {"deploymentInfo": {"revision": {self.kind: {"content": self.spec}}}}

    def invoke(self, FunctionName: str, Qualifier: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        assert json.loads(Payload) == CHECK
        self.invoked.append((FunctionName, Qualifier))
        if isinstance(self.answer, Exception):
            raise self.answer
        error = {"FunctionError": "Unhandled"} if self.has_failed else {}
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **error}

    def put_lifecycle_event_hook_execution_status(self, **status: str) -> None:
        assert (status["deploymentId"], status["lifecycleEventHookExecutionId"]) == ("d-1", "hook-1")
        self.reported.append(status["status"])


def check(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(boto3, "client", lambda service: aws)
    handler(EVENT, None)
    return aws.reported


@pytest.mark.parametrize("kind", ["string", "appSpecContent"])
@pytest.mark.parametrize("answer", [{"statusCode": 404}, {"policyDocument": {}}, {}])
def test_version_that_answers_gets_traffic(kind: str, answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws(answer, kind=kind)
    assert check(aws, monkeypatch) == ["Succeeded"] and aws.invoked == [("stack-Pay-1", "7")]


@pytest.mark.parametrize(
    "aws",
    [Aws({"errorType": "Runtime.ImportModuleError"}, has_failed=True), Aws({"statusCode": 500}), Aws({}, spec="{}")],
    ids=["cannot be imported", "answers 500", "nothing to deploy"],
)
def test_version_that_does_not_answer_gets_none(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        reported = check(aws, monkeypatch)
    except KeyError:
        reported = aws.reported
    assert reported == ["Failed"]


def test_version_that_cannot_be_called_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws(RuntimeError("throttled"))
    with pytest.raises(RuntimeError):
        check(aws, monkeypatch)
    assert aws.reported == ["Failed"]


@pytest.mark.parametrize("name", TEMPLATE.functions)
def test_every_function_answers_the_check_without_data(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No table, bucket or secret is reached: there are none here."""
    for variable, value in TEMPLATE.environment({}).items():
        monkeypatch.setenv(variable, str(value))
    for client in ("client", "Session", "resource"):
        monkeypatch.setattr(boto3, client, _refuse)
    module, attribute = TEMPLATE.functions[name].handler.rsplit(".", 1)
    answer = getattr(importlib.import_module(module), attribute)(dict(CHECK), LambdaContext())
    assert isinstance(answer, dict) and answer.get("statusCode", 200) < 500
    assert "UnexpectedError" not in journal.drain()[0]


def _refuse(*names: Any, **options: Any) -> Any:
    raise AssertionError(f"the check reaches AWS: {names}")
