"""AWS on this machine: ministack as a process, with the template's tables, buckets, queues and secrets."""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.addresses import HOST, CannotStart, hold_port
from local.template import ROOT, Template

START_TIMEOUT_S = 60  # a second on an idle machine
STOP_TIMEOUT_S = 10  # it saves its state meanwhile
LIBC = ctypes.CDLL(None)  # here and not in a forked child, which may wait forever for a lock of its parent's threads
REGION = "ap-south-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}


def die_with_parent() -> None:
    """On Linux, ask the kernel to kill this process when its parent dies for any reason."""
    if sys.platform == "linux":
        LIBC.prctl(1, signal.SIGKILL)


class Ministack:
    """A running ministack. It saves its state when `stop` ends it, not when it is killed."""

    def __init__(self, state: Path, venv: str = ".venv-ministack", port: int = 0) -> None:
        self.port = port or hold_port()
        self.url = f"http://{HOST}:{self.port}"
        program = ROOT / venv / "bin" / "ministack"
        if not program.exists():
            raise CannotStart("The local AWS stand-in is not set up. Run: make run")
        scratch = state / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        environment = {
            **os.environ,
            **CREDENTIALS,
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state / "aws"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(state / "s3"),
            "TMPDIR": str(scratch),
            "LOG_LEVEL": "ERROR",
        }
        self.log = open(state / "aws.log", "wb")  # noqa: SIM115, open as long as the process runs
        self.process = subprocess.Popen(
            [str(program)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    def wait(self) -> None:
        """Wait until it accepts connections."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            time.sleep(0.02)
        raise CannotStart(f"The local AWS stand-in does not start; its log is {self.log.name}")

    def stop(self) -> None:
        """Let it save its state and end. One that takes too long is killed, and a line on stderr says so."""
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            late = f"The local AWS stand-in did not stop within {STOP_TIMEOUT_S} s"
            print(f"{late}, so its tables and objects are not saved.", file=sys.stderr)
        self.log.close()

    def create_resources(self, template: Template, secrets: dict[str, Any], web_origins: Sequence[str] = ()) -> None:
        """Create the template's resources that do not exist yet, named by logical id, buckets by `BucketName`."""
        import boto3
        from botocore.exceptions import ClientError

        dynamodb, manager = boto3.client("dynamodb"), boto3.client("secretsmanager")
        existing = set(dynamodb.list_tables()["TableNames"])
        for name, properties in template.of_type("AWS::DynamoDB::Table").items():
            if name not in existing:
                dynamodb.create_table(TableName=name, **table_arguments(properties))
            elif _indexes(properties) - _indexes(dynamodb.describe_table(TableName=name)["Table"]):
                raise CannotStart("The saved state is of an older garment-pay. make reset deletes it.")
        for name in template.of_type("AWS::SecretsManager::Secret"):
            value = json.dumps(secrets[name])
            try:
                manager.create_secret(Name=name, SecretString=value)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceExistsException":
                    raise
                manager.put_secret_value(SecretId=name, SecretString=value)
        sqs = boto3.client("sqs")
        for name in template.of_type("AWS::SQS::Queue"):
            sqs.create_queue(QueueName=name)
        for name, properties in template.of_type("AWS::S3::Bucket").items():
            _make_bucket(template.bucket(name), properties, web_origins)


def _make_bucket(name: str, properties: dict[str, Any], web_origins: Sequence[str]) -> None:
    """The bucket with the settings that decide who may read and write it. Objects do not expire here."""
    import boto3

    s3 = boto3.client("s3")
    if name not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_public_access_block(
        Bucket=name, PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"]
    )
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=properties["OwnershipControls"])
    if "VersioningConfiguration" in properties:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
    if web_origins and "CorsConfiguration" in properties:
        with_web_origin = properties["CorsConfiguration"]["Fn::If"][1]
        rules = [
            {"AllowedOrigins": [*web_origins], **{key: rule[key] for key in ("AllowedMethods", "AllowedHeaders")}}
            for rule in with_web_origin["CorsRules"]
        ]
        s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})


def _indexes(table: dict[str, Any]) -> set[tuple[str, str]]:
    """The table's indexes as (name, projection type)."""
    indexes = [*table.get("LocalSecondaryIndexes", []), *table.get("GlobalSecondaryIndexes", [])]
    return {(index["IndexName"], index["Projection"]["ProjectionType"]) for index in indexes}


def table_arguments(properties: dict[str, Any]) -> dict[str, Any]:
    """The arguments of CreateTable for a table's CloudFormation properties."""
    copied = (
        "AttributeDefinitions",
        "KeySchema",
        "BillingMode",
        "LocalSecondaryIndexes",
        "GlobalSecondaryIndexes",
    )
    arguments = {name: properties[name] for name in copied if name in properties}
    if "StreamSpecification" in properties:
        arguments["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
    return arguments
