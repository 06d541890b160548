"""CodeDeploy, before a new version gets traffic: call it once with an event that touches no data.

It stands alone, on the SDK of Lambda's runtime, because it must work when our layers do not.
"""

import json
from typing import Any

import boto3

# A request to no route, a batch without records, a schedule that is only checked, and a call without a token.
CHECK = {
    "source": "garment-pay.deployment",
    "path": "/",
    "httpMethod": "GET",
    "requestContext": {},
    "Records": [],
    "authorizationToken": "",
    "methodArn": "arn:aws:execute-api:ap-south-1:000000000000:api/stage/GET/",
}


def handler(event: dict[str, str], context: Any) -> None:
    codedeploy, status = boto3.client("codedeploy"), "Failed"
    try:
        revision = codedeploy.get_deployment(deploymentId=event["DeploymentId"])["deploymentInfo"]["revision"]
        content = json.loads((revision.get("appSpecContent") or revision["string"])["content"])
        targets = [target["Properties"] for resource in content["Resources"] for target in resource.values()]
        if targets and all(_answers(target["Name"], target["TargetVersion"]) for target in targets):
            status = "Succeeded"
    finally:
        execution = {"lifecycleEventHookExecutionId": event["LifecycleEventHookExecutionId"], "status": status}
        codedeploy.put_lifecycle_event_hook_execution_status(deploymentId=event["DeploymentId"], **execution)


def _answers(function: str, version: str) -> bool:
    """Whether this version can be imported and called. One that raises or answers with a 5xx is not."""
    response = boto3.client("lambda").invoke(FunctionName=function, Qualifier=version, Payload=json.dumps(CHECK))
    answer = json.loads(response["Payload"].read())
    return "FunctionError" not in response and answer.get("statusCode", 200) < 500
