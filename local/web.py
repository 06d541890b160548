"""The pages that `make run` serves, and what they ask about this machine: static files, without a build step.

Below `/_pages/` a page finds the customers and the stand-in's address, and reads what happened behind the API: the
webhooks and the wallet's entries. Files are read for each request, so that an edited page needs only a reload.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.razorpay.fake import FakeRazorpay
from local.razorpay.responses import Rejected
from local.template import ROOT

PAGES = ROOT / "local" / "pages"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
SERVICE = {"/": "phone.html", "/docs": "docs.html", "/console": "console.html"}  # address -> file
STAND_IN = {"/checkout": "checkout.html", "/v1/checkout.js": "checkout.js"}
NO_STORE = {"Cache-Control": "no-store"}
NEWEST = 40  # webhooks and entries in one response

Response = tuple[int, dict[str, str], bytes]  # status, headers, body


def page(url: str, accept: str, addresses: Mapping[str, str] = SERVICE) -> Response | None:
    """The page or file at this address; None if there is none, or if the caller wants no page at `/`, as curl."""
    path = urlsplit(url).path
    if path == "/" and "text/html" not in accept:
        return None
    if path == "/openapi.json":
        return _file(ROOT / "openapi.json")
    if path.startswith("/pages/"):
        return _file((PAGES / path.removeprefix("/pages/")).resolve())
    name = addresses.get(path.rstrip("/") or "/")
    return _file(PAGES / name) if name else None


def _file(path: Path) -> Response | None:
    is_ours = path.is_relative_to(PAGES) or path == ROOT / "openapi.json"
    if not (is_ours and path.is_file() and path.suffix in TYPES):
        return None
    return 200, {"Content-Type": TYPES[path.suffix], **NO_STORE}, path.read_bytes()


@dataclass
class Backstage:
    """What `/_pages/` answers from."""

    stand_in: FakeRazorpay
    ready: dict[str, Any]  # the ready line
    entries_table: str

    def respond(self, url: str, body: bytes) -> Response:
        try:
            status, result = 200, self._result(url, body)
        except Rejected as rejected:
            status, result = rejected.status, rejected.body
        except (KeyError, TypeError, ValueError) as error:
            status, result = 400, {"detail": f"{type(error).__name__}: {error}"}
        return status, {"Content-Type": TYPES[".json"], **NO_STORE}, json.dumps(result).encode()

    def _result(self, url: str, body: bytes) -> Any:
        parts = urlsplit(url)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        match parts.path.removeprefix("/_pages/").split("/"):
            case ["ready"]:
                return {name: self.ready[name] for name in ("api", "razorpay", "customers", "staff")}
            case ["webhooks"]:
                return self._webhooks()
            case ["stand-in"]:
                return {"holding": self.stand_in.holding, "faults": self.stand_in.faults}
            case ["entries"]:
                return self._entries(query["wallet"])
            case ["razorpay", action]:
                return self.stand_in.control(action, json.loads(body or b"{}"))
        raise ValueError("there is nothing at this address")

    def _webhooks(self) -> list[dict[str, Any]]:
        """The newest webhooks, newest first; `status` is null until the first delivery, and 0 without a response."""
        with self.stand_in.lock:
            newest = list(self.stand_in.events.values())[-NEWEST:]
            held = set(self.stand_in.held)
            return [{**event, "held": event["event_id"] in held} for event in reversed(newest)]

    def _entries(self, wallet: str) -> list[dict[str, Any]]:
        """The wallet's newest entries as the table has them, newest first; hashes in hexadecimal digits."""
        import boto3

        answer = boto3.client("dynamodb").query(
            TableName=self.entries_table,
            KeyConditionExpression="wallet = :wallet",
            ExpressionAttributeValues={":wallet": {"S": wallet}},
            ScanIndexForward=False,
            Limit=NEWEST,
        )
        return [{name: _plain(value) for name, value in item.items()} for item in answer["Items"]]


def _plain(value: dict[str, Any]) -> Any:
    """A DynamoDB attribute as JSON has it."""
    ((kind, plain),) = value.items()
    if kind == "N":
        return int(plain) if str(plain).lstrip("-").isdigit() else float(plain)
    if kind == "B":
        raw = plain if isinstance(plain, bytes) else base64.b64decode(plain)
        return raw.hex()
    return plain
