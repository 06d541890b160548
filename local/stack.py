"""`make stack`: the template deployed as it would be into AWS, into a stand-in that enforces every role.

`sam deploy` sends what `sam build` made to ministack's CloudFormation; from then on the app's day goes through the
deployed functions, each in processes of its own under the role that the template gives it.
"""

import json
import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from local import build
from local.cloud import CREDENTIALS, CannotStart, Cloud, free_port
from local.gateway import StandIn, serve
from local.template import ROOT, Loader, Template
from local.tokens import AUDIENCE, ISSUER, Issuer

NAME = "garment-pay-stack"
STAGE = "dev"
KEY_ID, KEY_SECRET, WEBHOOK_SECRET = "rzp_test_GarmentPayStack", "stack_key_secret", "whsec_stack"
WEBHOOK_PATH = "/api/payments/webhooks/razorpay/"
# What the stand-in's CloudFormation does not know, none of it in the way of a request; and the buckets' policies,
# which refuse what does not come by TLS: the stand-in speaks plain HTTP, on the loopback.
LEFT_OUT = {
    "AWS::S3::BucketPolicy",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::Logs::QueryDefinition",
    "AWS::WAFv2::WebACLAssociation",
}


class Stack:
    """The deployed stack, with all that stands around it; `stop` ends everything that was started."""

    def __init__(self, state: Path) -> None:
        self.running: list[Any] = []
        try:
            self._start(state)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        for one in reversed(self.running):
            one()
        self.running.clear()

    def _start(self, state: Path) -> None:
        self.issuer = Issuer(state)
        self._keys = _Keys(self.issuer)
        self.running.append(self._keys.stop)
        self.cloud = Cloud(state, ".venv-stack")
        self.running.append(self.cloud.stop)
        self.gateway_port = free_port()
        os.environ.update({**CREDENTIALS, "AWS_ENDPOINT_URL": self.cloud.url})
        self.cloud.wait()
        self.deploy()
        self.resources = self._resources()
        self.api = f"{self.cloud.url}/_aws/execute-api/{self.resources['Api']}/{STAGE}"
        self._fill_secrets()
        self._speak_django()
        self.stand_in = StandIn(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, lambda: int(time.time()))
        self.gateway = serve(self.stand_in, self.gateway_port)
        self.stand_in.webhook_url = self.api + WEBHOOK_PATH
        self.running.append(self.stand_in.close)

    def deploy(self) -> None:
        """`sam deploy`, with the resources that the stand-in has no notion of left out."""
        built = build.HOST / "build"
        template = built / "stack.yaml"
        template.write_text(
            yaml.safe_dump(without(yaml.load((built / "template.yaml").read_text(), Loader), LEFT_OUT))
        )
        parameters = {
            "Stage": STAGE,
            "RazorpayBaseUrl": f"http://127.0.0.1:{self.gateway_port}",
            "JwtIssuer": ISSUER,
            "JwtAudience": AUDIENCE,
            "JwksUrl": self._keys.url,
        }
        command = [ROOT / ".venv-sam" / "bin" / "sam", "deploy", "--template-file", template, "--stack-name", NAME]
        command += ["--resolve-s3", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
        command += ["--no-confirm-changeset", "--no-progressbar", "--no-fail-on-empty-changeset"]
        command += ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "SAM_CLI_TELEMETRY": "0"}, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise CannotStart(f"sam deploy failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")

    def finish_and_deploy(self) -> None:
        """Deploy again after something of what was built has changed."""
        code = "from local import build; build.finish(build.HOST / 'build')"
        subprocess.run([ROOT / ".venv-sam" / "bin" / "python", "-c", code], cwd=ROOT, check=True)
        self.deploy()

    def client(self, service: str, **more: Any) -> Any:
        import boto3

        return boto3.client(service, endpoint_url=self.cloud.url, region_name="ap-south-1", **more)

    def invoke(self, function: str, event: Any = None) -> Any:
        answer = self.client("lambda").invoke(
            FunctionName=self.resources[function], Qualifier="live", Payload=json.dumps(event or {})
        )
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise AssertionError(payload)
        return payload

    def _resources(self) -> dict[str, str]:
        """Logical to physical ids."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=NAME)
        return {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for page in pages
            for one in page["StackResourceSummaries"]
        }

    def _fill_secrets(self) -> None:
        manager = self.client("secretsmanager")
        for name, value in (
            ("GatewayKey", {"key_id": KEY_ID, "key_secret": KEY_SECRET}),
            ("WebhookSecrets", {"active": [WEBHOOK_SECRET]}),
        ):
            manager.put_secret_value(SecretId=self.resources[name], SecretString=json.dumps(value))

    def _speak_django(self) -> None:
        """The API's own answers: the stand-in takes them through its API only, not from the imported body."""
        (api,) = Template().of_type("AWS::Serverless::Api").values()
        client = self.client("apigateway")
        for kind, response in api["GatewayResponses"].items():
            headers = response.get("ResponseParameters", {}).get("Headers", {})
            given = {"statusCode": str(response["StatusCode"])} if "StatusCode" in response else {}
            client.put_gateway_response(
                restApiId=self.resources["Api"],
                responseType=kind,
                responseParameters={f"gatewayresponse.header.{name}": value for name, value in headers.items()},
                responseTemplates=response["ResponseTemplates"],
                **given,
            )
        client.create_deployment(restApiId=self.resources["Api"], stageName=STAGE)


def without(document: dict[str, Any], kinds: set[str]) -> dict[str, Any]:
    """The template without resources of these kinds, alarms that calculate, and what shows or names them."""
    gone = {
        name
        for name, one in document["Resources"].items()
        if one["Type"] in kinds or (one["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in one["Properties"])
    }
    resources = {name: one for name, one in document["Resources"].items() if name not in gone}
    for one in resources.values():
        if one["Type"] == "AWS::CloudWatch::Dashboard":
            body = one["Properties"]["DashboardBody"]["Fn::ToJsonString"]
            body["widgets"] = [widget for widget in body["widgets"] if widget["type"] != "alarm"]
    # A secret's Ref is its ARN in AWS and its name in the stand-in; this is the ARN in both.
    for one in resources.values():
        for policy in one.get("Properties", {}).get("Policies", []):
            for statement in policy["Statement"]:
                name = statement["Resource"].get("Ref") if isinstance(statement["Resource"], dict) else None
                if name and resources[name]["Type"] == "AWS::SecretsManager::Secret":
                    statement["Resource"] = {"Fn::GetAtt": [name, "Id"]}
    # What the build changed for `sam local` alone is put back.
    del document["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"]
    resources["Api"]["Properties"]["Auth"]["Authorizers"]["Tokens"]["FunctionArn"] = {"Ref": "Authorize.Alias"}
    alarms = document["Globals"]["Function"]["DeploymentPreference"]
    alarms["Alarms"] = [alarm for alarm in alarms["Alarms"] if alarm["Ref"] not in gone]
    return document | {"Resources": resources}


class _Keys:
    """The issuer's published keys, where the deployed authorizer fetches them."""

    def __init__(self, issuer: Issuer) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(issuer.published)))
                self.end_headers()
                self.wfile.write(issuer.published)

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/jwks.json"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
