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


# A tutorial-style top-up. It opens one Razorpay order; verify trusts the signature and asks nobody. It writes an
# idempotency record (2 units) and an order (1); then twice, in verify and in the webhook, an idempotency record (2)
# and a transaction over wallet, entry and order (3 items, 2 each). Each call logs its whole event. Verify answers
# with the payment alone, so the app asks for the balance too: a fifth request.
TUTORIAL_TOP_UP = Usage(
    requests=5,
    invocations=5,
    gb_ms=3 * (15 + 4.0 * 1.73) + 2 * (8 + 2.5 * 1.73) + RAZORPAY_MS + 5 * COLD_START_SHARE * 560,
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
    gb_ms=0.5 * 2 * (8 + 0.5 * 3.5) + 1.73 * (340 + 60) + 0.02 * 1.73 * 500,
    write_units=2,
    read_units=1,
    log_bytes=3 * 3_000,
    put=3,
    get=1,
    storage_mb_months=2.14 + 0.39,
    gb_s_price="gb_s_x86",
)

# Dollars per million for each design choice. report.py says what each one buys.
CHOICES = {
    "rest_api": 4 * (PRICES["requests"] - PRICES["http_api_requests"]),
    "payments_by_time": 1 * PRICES["write_units"],
    "page_of_payments": 20 * PRICES["read_units"],
    "open_payments": 2 * PRICES["write_units"],
    "payments_by_order": 1 * PRICES["write_units"] + 0.5 * PRICES["read_units"],
    "payments_by_id": 1 * PRICES["write_units"],
    "wallet_owner": 2 * PRICES["write_units"],
    "records_audited": (1 + 0.5 / AUDIT_BATCH) * PRICES["read_units"],
    "transaction": 2 * PRICES["write_units"],
    "verify_asks_razorpay": RAZORPAY_MS * 0.5 / 1_000 * PRICES["gb_s_arm"],
    "upload_versions": PRICES["put"],
    "photo_row": 3 * PRICES["write_units"],
    "upload_count": PRICES["write_units"] + PRICES["read_units"],
    "storing_status": PRICES["write_units"],
    "waf": 4 * PRICES["waf_requests"],
    "tracing": 4 * TRACED_SHARE * PRICES["traces"],
    "recovery": PRICES["recovery_gb_month"],
}

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
