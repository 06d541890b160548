"""`make stack`: deploy the template as into AWS, into a stand-in that enforces every role.

`sam deploy` sends what `sam build` made to ministack's CloudFormation. Each function then runs in processes of its
own under the role that the template gives it. STACK=1 points the tests of the app's journey at that API.
"""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local.__main__ import stop_all
from local.actions import PHONE_CLAIM
from local.addresses import WEBHOOK_PATH, CannotStart, hold_port
from local.aws import CREDENTIALS, REGION, Ministack
from local.issuer import AUDIENCE, ISSUER, STAFF_AUDIENCE, STAFF_ISSUER, Issuer
from local.razorpay.fake import FakeRazorpay
from local.razorpay.server import serve
from local.razorpay.webhooks import ACCOUNT_ID
from local.template import ROOT, Template
from tools.build import FOLDERS
from tools.host_template import Host

NAME = "garment-pay-stack"
STAGE = "dev"
KEY_ID, KEY_SECRET, WEBHOOK_SECRET = "rzp_test_GarmentPayStack", "stack_key_secret", "whsec_stack"
BUILT = FOLDERS[Host.STACK] / "build"
ERROR_CHARS = 3_000  # of each stream, when a command fails
DEPLOY_TIMEOUT_S = 600


class Stack:
    """The deployed stack and the stand-ins around it. `stop` ends everything that was started."""

    def __init__(self, state: Path) -> None:
        self._stops: list[Callable[[], Any]] = []
        try:
            self._start(state)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        stops, self._stops = self._stops, []
        stop_all(stops)

    def _start(self, state: Path) -> None:
        self.issuer = Issuer(state)
        self.staff_issuer = Issuer.for_staff(state)
        self._key_server, self._staff_key_server = _KeyServer(self.issuer), _KeyServer(self.staff_issuer)
        self._stops += [self._key_server.stop, self._staff_key_server.stop]
        self.cloud = Ministack(state, ".venv-stack")
        self._stops.append(self.cloud.stop)
        self._razorpay_port = hold_port()
        os.environ.update({**CREDENTIALS, "AWS_ENDPOINT_URL": self.cloud.url})
        self.cloud.wait()
        self._fake = FakeRazorpay(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, lambda: int(time.time()))
        self.razorpay = serve(self._fake, self._razorpay_port)
        self._stops.append(self._fake.close)
        self.deploy()
        self._fill_secrets()

    def deploy(self, changes: Mapping[str, str] | None = None) -> None:
        """Run `sam deploy` on what was built for the stack, with these parameters in place of the stack's own.

        Another `Stage` is another URL: that of the stage before no longer answers. CannotStart if it fails, or takes
        longer than DEPLOY_TIMEOUT_S.
        """
        parameters = {
            "Stage": STAGE,
            "RazorpayKeyId": KEY_ID,
            "RazorpayAccountId": ACCOUNT_ID,
            "RazorpayBaseUrl": f"http://127.0.0.1:{self._razorpay_port}",
            "JwtIssuer": ISSUER,
            "JwtAudience": AUDIENCE,
            "JwksUrl": self._key_server.url,
            "PhoneClaim": PHONE_CLAIM,
            "StoreCardExpiry": "true",  # as the recorded answers have it
            "StaffJwtIssuer": STAFF_ISSUER,
            "StaffJwtAudience": STAFF_AUDIENCE,
            "StaffJwksUrl": self._staff_key_server.url,
            **(changes or {}),
        }
        _run_sam_deploy(parameters)
        self.resources = self._physical_ids()
        self.api = f"{self.cloud.url}/_aws/execute-api/{self.resources['Api']}/{parameters['Stage']}"
        self._fake.webhook_url = self.api + WEBHOOK_PATH
        self._put_gateway_responses(parameters["Stage"])

    def finish_and_deploy(self, changes: Mapping[str, str] | None = None) -> None:
        """Deploy again, as `deploy` does, after a file of the build has changed."""
        code = "import sys; from pathlib import Path; from tools.build import finish; finish(Path(sys.argv[1]))"
        subprocess.run([ROOT / ".venv-sam" / "bin" / "python", "-c", code, BUILT], cwd=ROOT, check=True)
        self.deploy(changes)

    def client(self, service: str, **options: Any) -> Any:
        import boto3

        create: Any = boto3.client  # its stubs know no client for a name that is computed
        return create(service, endpoint_url=self.cloud.url, region_name=REGION, **options)

    def invoke(self, function: str, event: Any = None) -> Any:
        """Invoke the live version of a function by its logical id. Raise AssertionError if it fails."""
        response = self.client("lambda").invoke(
            FunctionName=self.resources[function], Qualifier="live", Payload=json.dumps(event or {})
        )
        payload = json.loads(response["Payload"].read())
        if "FunctionError" in response:
            raise AssertionError(payload)
        return payload

    def _physical_ids(self) -> dict[str, str]:
        """Physical ids by logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=NAME)
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
        }

    def _fill_secrets(self) -> None:
        manager = self.client("secretsmanager")
        for name, value in (
            ("GatewayKey", {"key_id": KEY_ID, "key_secret": KEY_SECRET}),
            ("WebhookSecrets", {"active": [WEBHOOK_SECRET]}),
        ):
            manager.put_secret_value(SecretId=self.resources[name], SecretString=json.dumps(value))

    def _put_gateway_responses(self, stage: str) -> None:
        """Set API Gateway's own error responses. The stand-in ignores them in the imported API definition."""
        (api,) = Template().of_type("AWS::Serverless::Api").values()
        client = self.client("apigateway")
        for kind, response in api["GatewayResponses"].items():
            headers = response["ResponseParameters"]["Headers"]
            without_origin = {name: value["Fn::If"][2] for name, value in headers.items() if isinstance(value, dict)}
            status = {"statusCode": str(response["StatusCode"])} if "StatusCode" in response else {}
            client.put_gateway_response(
                restApiId=self.resources["Api"],
                responseType=kind,
                responseParameters={
                    f"gatewayresponse.header.{name}": value for name, value in (headers | without_origin).items()
                },
                responseTemplates=response["ResponseTemplates"],
                **status,
            )
        client.create_deployment(restApiId=self.resources["Api"], stageName=stage)


def _run_sam_deploy(parameters: Mapping[str, str]) -> None:
    """CannotStart, with the end of what it wrote, if it fails or takes too long."""
    command = [str(ROOT / ".venv-sam" / "bin" / "sam"), "deploy", "--stack-name", NAME]
    command += ["--template-file", str(BUILT / "template.yaml")]
    command += ["--resolve-s3", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    command += ["--no-confirm-changeset", "--no-progressbar", "--no-fail-on-empty-changeset"]
    command += ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=DEPLOY_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        written = b"".join((stream or b"")[-ERROR_CHARS:] for stream in (error.stdout, error.stderr))
        text = written.decode("utf-8", "replace")
        raise CannotStart(f"sam deploy did not end within {DEPLOY_TIMEOUT_S} s:\n{text}") from None
    if done.returncode != 0:
        raise CannotStart(f"sam deploy failed:\n{done.stdout[-ERROR_CHARS:]}{done.stderr[-ERROR_CHARS:]}")


class _KeyServer:
    """Serves the issuer's public keys, where the deployed authorizers fetch them."""

    def __init__(self, issuer: Issuer) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(issuer.jwks)))
                self.end_headers()
                self.wfile.write(issuer.jwks)

            def log_message(self, *args: Any) -> None:
                """Write no access log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/jwks.json"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
