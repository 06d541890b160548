"""Prices in ap-south-1 and what they apply to: units of usage, monthly resources and design choices."""

import json
import re
from dataclasses import dataclass, fields
from typing import Any

from local.template import Template

# Dollars per million units, and per GB.
PRICES = {
    "requests": 3.50,  # REST API
    "http_api_requests": 1.05,
    "invocations": 0.20,
    "gb_s_arm": 13.33,
    "gb_s_x86": 16.67,
    "write_units": 0.71,
    "read_units": 0.1425,
    "log_gb": 0.67,
    "put": 5.00,
    "get": 0.40,
    "storage_gb_month": 0.025,
    "waf_requests": 0.60,
    "traces": 5.00,
    "recovery_gb_month": 0.228,  # point-in-time recovery
}
# Durations inside a region. The local stand-ins answer faster, so their own times say nothing.
DYNAMODB_MS = 6
S3_MS = 18  # the tutorial's compressor: three of these and a call to DynamoDB make its 60
RAZORPAY_MS = 120
COLD_START_SHARE, COLD_START_MS = 0.01, 204
FULL_CPU_GB = 1_769 / 1_024  # Lambda gives one full CPU at this memory, proportionally less below it
LOG_EVENT_BYTES = 26  # CloudWatch adds them to each line
TRACED_SHARE = 0.05  # X-Ray's default, beyond one trace a second
AUDIT_BATCH = 12  # changes in a batch of half a minute at a million top-ups a month


@dataclass
class Usage:
    """What one piece of work consumes."""

    requests: int = 0
    invocations: float = 0
    gb_ms: float = 0
    write_units: float = 0
    read_units: float = 0
    log_bytes: float = 0
    put: int = 0
    get: int = 0
    storage_mb_months: float = 0
    gb_s_price: str = "gb_s_arm"

    def minus(self, other: "Usage") -> "Usage":
        return Usage(**{name: getattr(self, name) - getattr(other, name) for name in COUNTS})

    def dollars_per_million(self) -> dict[str, float]:
        return {
            "API requests": self.requests * PRICES["requests"],
            "Lambda": self.invocations * PRICES["invocations"] + self.gb_ms / 1_000 * PRICES[self.gb_s_price],
            "writes": self.write_units * PRICES["write_units"],
            "reads": self.read_units * PRICES["read_units"],
            "logs": self.log_bytes / 1e9 * 1e6 * PRICES["log_gb"],
            "S3": self.put * PRICES["put"] + self.get * PRICES["get"],
            "storage": self.storage_mb_months / 1e3 * 1e6 * PRICES["storage_gb_month"],
        }


COUNTS = tuple(field.name for field in fields(Usage) if field.name != "gb_s_price")


def total(steps: list[tuple[str, Usage]]) -> Usage:
    """The sum over steps, which all run on arm64."""
    return Usage(**{name: sum(getattr(usage, name) for _, usage in steps) for name in COUNTS})


# What the tutorial's functions take: milliseconds of waiting, and of a full CPU. With less memory than a full CPU's
# the same computing takes longer.
SLOWDOWN_AT_1_GB, SLOWDOWN_AT_HALF_A_GB = 1.73, 3.5
WRITE_WAIT_MS, WRITE_CPU_MS = 15, 4.0  # a request that writes
READ_WAIT_MS, READ_CPU_MS = 8, 2.5  # a request that reads
X86_COLD_START_MS = 560
PHOTO_REQUEST_CPU_MS = 0.5  # a request about a photo, on half a GB
COMPRESSOR_GB, COMPRESSOR_CPU_MS, COMPRESSOR_WAIT_MS = 1.73, 340, 60  # on a full CPU
COMPRESSOR_COLD_START_SHARE, COMPRESSOR_COLD_START_MS = 0.02, 500

# A tutorial-style top-up. It opens one Razorpay order; verify trusts the signature and asks nobody. It writes an
# idempotency record (2 units) and an order (1); then twice, in verify and in the webhook, an idempotency record (2)
# and a transaction over wallet, entry and order (3 items, 2 each). Each call logs its whole event. Verify answers
# with the payment alone, so the app asks for the balance too: a fifth request.
TUTORIAL_TOP_UP = Usage(
    requests=5,
    invocations=5,
    gb_ms=3 * (WRITE_WAIT_MS + WRITE_CPU_MS * SLOWDOWN_AT_1_GB)
    + 2 * (READ_WAIT_MS + READ_CPU_MS * SLOWDOWN_AT_1_GB)
    + RAZORPAY_MS
    + 5 * COLD_START_SHARE * X86_COLD_START_MS,
    write_units=19,
    read_units=3.5,
    log_bytes=5 * 3_000,
    gb_s_price="gb_s_x86",
)
# A tutorial-style photo of 12 megapixels and 2.1 MB: the original is kept, and decoding all of it makes two JPEGs of
# 0.39 MB together.
TUTORIAL_PHOTO = Usage(
    requests=2,
    invocations=3,
    gb_ms=0.5 * 2 * (READ_WAIT_MS + PHOTO_REQUEST_CPU_MS * SLOWDOWN_AT_HALF_A_GB)
    + COMPRESSOR_GB * (COMPRESSOR_CPU_MS + COMPRESSOR_WAIT_MS)
    + COMPRESSOR_GB * COMPRESSOR_COLD_START_SHARE * COMPRESSOR_COLD_START_MS,
    write_units=2,
    read_units=1,
    log_bytes=3 * 3_000,
    put=3,
    get=1,
    storage_mb_months=2.14 + 0.39,
    gb_s_price="gb_s_x86",
)


@dataclass(frozen=True)
class Choice:
    """A design choice, what it buys, and its dollars per million top-ups, wallets, pages or photos."""

    name: str
    benefit: str
    dollars: float


CHOICES = (
    Choice(
        "a REST API, not an HTTP API",
        "paths that end in a slash, errors in DRF's format, WAF",
        4 * (PRICES["requests"] - PRICES["http_api_requests"]),
    ),
    Choice(
        "an index of payments by time", "a list that has what was written a moment ago", 1 * PRICES["write_units"]
    ),
    Choice(
        "a page of twenty payments, read row by row",
        f"the index holds keys alone, so an update does not write it: {PRICES['write_units']} less",
        20 * PRICES["read_units"],
    ),
    Choice("an index of open payments", "a reconciler, so that no webhook is needed", 2 * PRICES["write_units"]),
    Choice(
        "an index by Razorpay order",
        "a webhook that finds its payment without asking Razorpay",
        1 * PRICES["write_units"] + 0.5 * PRICES["read_units"],
    ),
    Choice("an index by payment id", "staff find a payment without knowing whose it is", 1 * PRICES["write_units"]),
    Choice(
        "a row wallet -> customer, once a wallet",
        "the auditor finds the records of entries",
        2 * PRICES["write_units"],
    ),
    Choice(
        "an auditor that reads each entry's record",
        "an invented or repeated credit raises an alarm that pages",
        (1 + 0.5 / AUDIT_BATCH) * PRICES["read_units"],
    ),
    Choice(
        "a transaction, not two writes", "the entry and the payment behind it, or neither", 2 * PRICES["write_units"]
    ),
    Choice(
        "asking Razorpay in verify",
        "a credit only for money that Razorpay captured",
        RAZORPAY_MS * 0.5 / 1_000 * PRICES["gb_s_arm"],
    ),
    Choice("a list of an upload's versions", "the first upload wins, whatever the order of events", PRICES["put"]),
    Choice(
        "a row per photo that is listed and swept", "a list, and an end for stuck photos", 3 * PRICES["write_units"]
    ),
    Choice(
        "a row that counts open uploads",
        "at most fifty per customer, however fast the requests",
        PRICES["write_units"] + PRICES["read_units"],
    ),
    Choice(
        "a status between claimed and ready", "progress; a deletion is noticed before storing", PRICES["write_units"]
    ),
    Choice(
        "a web ACL in front of the four requests, in prod",
        "one caller cannot use up a route's throttle",
        4 * PRICES["waf_requests"],
    ),
    Choice(
        "X-Ray for a twentieth of the four requests",
        "where the time of a slow request went",
        4 * TRACED_SHARE * PRICES["traces"],
    ),
    Choice(
        "point-in-time recovery, for a GB in the tables and a month",
        "a table as it was at any second",
        PRICES["recovery_gb_month"],
    ),
)

# Dollars per month for each resource, whatever the traffic. Three dashboards are free.
CUSTOM_METRICS, ALARM_METRICS, WAF_RULES = "custom metrics", "metrics of alarms", "rules of the web ACL"
MONTHLY = {
    CUSTOM_METRICS: 0.30,
    ALARM_METRICS: 0.10,
    "AWS::KMS::Key": 1.00,
    "AWS::SecretsManager::Secret": 0.40,
    "AWS::WAFv2::WebACL": 5.00,
    WAF_RULES: 1.00,
}


def monthly(*templates: Template) -> dict[str, tuple[int, float]]:
    """The count and the monthly dollars of each kind of resource, with those that only prod has.

    A metric of ours counts if a dashboard shows it. An alarm that calculates is billed for each metric it reads.
    """

    def of_type(kind: str) -> list[dict[str, Any]]:
        return [resource for template in templates for resource in template.of_type(kind).values()]

    counts = {kind: len(of_type(kind)) for kind in MONTHLY}
    counts[CUSTOM_METRICS] = len(
        set(re.findall(r'"GarmentPay", "(\w+)"', json.dumps(of_type("AWS::CloudWatch::Dashboard"))))
    )
    counts[ALARM_METRICS] = sum(
        sum("MetricStat" in metric for metric in alarm.get("Metrics", [])) or 1
        for alarm in of_type("AWS::CloudWatch::Alarm")
    )
    counts[WAF_RULES] = sum(len(web_acl["Rules"]) for web_acl in of_type("AWS::WAFv2::WebACL"))
    return {kind: (count, count * MONTHLY[kind]) for kind, count in counts.items()}
