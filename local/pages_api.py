"""What the pages ask about this machine, below `/_pages/`.

The customers and the stand-in's address, and what happened behind the API: payments, entries, webhooks, photos and
metrics, read from the tables and buckets, not through the API.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.dashboards import dashboards
from local.log import Log
from local.razorpay.fake import FakeRazorpay
from local.razorpay.responses import Rejected
from local.web import NO_STORE, TYPES, Response

NEWEST = 40  # webhooks, entries, payments and photos in one response
LINK_AGE_S = 3_600
READY = ("api", "razorpay", "customers", "staff")
PAYMENT = ("id", "customer", "purpose", "source", "status", "amount_paise", "in_review", "created_at_us")
PHOTO = (
    *("id", "status", "stage", "format", "width", "height", "upload_size_bytes", "rejection", "variants"),
    *("created_at_us", "updated_at_us"),
)


@dataclass
class PagesApi:
    """Answers the pages' requests to `/_pages/`."""

    stand_in: FakeRazorpay
    ready: dict[str, Any]  # the ready line
    environment: Mapping[str, str]  # of the functions, with the names of tables and buckets
    names: Mapping[str, str]  # of customers and staff, by id
    log: Log

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
                return {name: self.ready[name] for name in READY}
            case ["webhooks"]:
                return self._webhooks()
            case ["stand-in"]:
                return {"holding": self.stand_in.holding, "faults": self.stand_in.faults}
            case ["entries"]:
                return self._entries(query["wallet"])
            case ["payments"]:
                return self._payments()
            case ["photos"]:
                return self._photos()
            case ["dashboards"]:
                return dashboards()
            case ["metrics"]:
                return {"is_measured": not self.log.is_direct, "points": self.log.metrics.series()}
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
        answer = _client("dynamodb").query(
            TableName=self.environment["WALLET_ENTRIES_TABLE"],
            KeyConditionExpression="wallet = :wallet",
            ExpressionAttributeValues={":wallet": {"S": wallet}},
            ScanIndexForward=False,
            Limit=NEWEST,
        )
        return [_item(item) for item in answer["Items"]]

    def _rows(self, table: str) -> Iterator[dict[str, Any]]:
        """Every row of a table that was created at some time. A table of this machine is small enough to scan."""
        pages = _client("dynamodb").get_paginator("scan").paginate(TableName=self.environment[table])
        for page in pages:
            yield from (_item(item) for item in page["Items"] if "created_at_us" in item)

    def _payments(self) -> list[dict[str, Any]]:
        """Everybody's newest payments, newest first."""
        rows = sorted(self._rows("PAYMENTS_TABLE"), key=lambda row: row["created_at_us"], reverse=True)[:NEWEST]
        return [
            {name: row.get(name) for name in PAYMENT} | {"name": self.names.get(row["customer"], "")} for row in rows
        ]

    def _photos(self) -> list[dict[str, Any]]:
        """Everybody's newest photos, newest first, with links to the upload and to each stored object."""
        rows = sorted(self._rows("IMAGES_TABLE"), key=lambda row: row["created_at_us"], reverse=True)[:NEWEST]
        return [
            {name: row.get(name) for name in PHOTO}
            | {
                "before": self._links("UPLOADS_BUCKET", f"in/{row['owner']}/{row['id']}"),
                "after": self._links("IMAGES_BUCKET", f"out/{row['owner']}/{row['id']}/"),
            }
            for row in rows
        ]

    def _links(self, bucket: str, prefix: str) -> list[dict[str, Any]]:
        """The objects below a prefix, each with the last part of its key, its size in bytes and a link."""
        s3, name = _client("s3"), self.environment[bucket]
        return [
            {
                "name": found["Key"].rpartition("/")[2],
                "bytes": found["Size"],
                "url": s3.generate_presigned_url(
                    "get_object", {"Bucket": name, "Key": found["Key"]}, ExpiresIn=LINK_AGE_S
                ),
            }
            for found in s3.list_objects_v2(Bucket=name, Prefix=prefix).get("Contents", [])
        ]


@cache
def _client(service: str) -> Any:
    """The client of the stand-in for AWS, made when it is first needed: that takes a tenth of a second."""
    import boto3

    return boto3.client(service)  # type: ignore[call-overload]  # its name is not a literal


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in item.items()}


def _plain(value: dict[str, Any]) -> Any:
    """A DynamoDB attribute as JSON has it; bytes in hexadecimal digits."""
    ((kind, plain),) = value.items()
    match kind:
        case "N":
            return int(plain) if str(plain).lstrip("-").isdigit() else float(plain)
        case "B":
            return bytes(plain).hex()
        case "L":
            return [_plain(part) for part in plain]
        case "M":
            return _item(plain)
    return plain
