"""The second DynamoDB of the money tests: dynoxide, an npm binary whose tables survive SIGKILL."""

import hashlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import boto3

from local.addresses import hold_port
from local.aws import CREDENTIALS, REGION, die_with_parent, table_arguments
from local.template import ROOT, Template

PROGRAM = ROOT / ".venv-dynoxide" / "node_modules" / "@dynoxide" / "linux-x64" / "dynoxide"
SHA256 = "be909b7910d3fb552e85db10ef3c8ebae4bd35fee0f26dffdb6dfa5cc656426e"  # of 1.2.1
START_TIMEOUT_S = 60  # a few milliseconds on an idle machine


def why_unavailable() -> str:
    """Why dynoxide cannot run here, or an empty string."""
    if not PROGRAM.exists():
        return "dynoxide is not installed: npm is missing or did not reach its registry during make test's set-up"
    if hashlib.sha256(PROGRAM.read_bytes()).hexdigest() != SHA256:
        return "dynoxide is not the file that was reviewed: its hash differs"
    return ""


class Dynoxide:
    """A running engine with the template's tables. `kill` sends SIGKILL; `start` finds what had been written."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, hold_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()
        client = boto3.client(
            "dynamodb",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        for name, properties in Template().of_type("AWS::DynamoDB::Table").items():
            client.create_table(TableName=name, **table_arguments(properties))

    def start(self) -> None:
        """Start it and wait until it accepts connections. RuntimeError, with what it wrote, if it does not."""
        log = self.folder / "dynoxide.log"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [str(PROGRAM), "serve", "--port", str(self.port), "--db-path", str(self.folder / "tables.db")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        code = self.process.poll()
        reason = f"nothing accepts connections after {START_TIMEOUT_S} s" if code is None else f"it exits with {code}"
        self.process.kill()
        self.process.wait()
        raise RuntimeError(f"dynoxide does not start: {reason}\n{log.read_text(errors='replace')}")

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
