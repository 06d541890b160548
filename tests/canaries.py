"""What must never be seen: secrets, tokens, card numbers and what is personal, wherever it does not belong.

The suite's own data are the canaries: every secret, token, VPA, phone, e-mail and card number that a test uses is of
a shape that these patterns know. The log of the running bundle, whatever a test writes to its output, the bundle's
tables and every answer to an app are searched for them.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import boto3
import requests

PATTERNS: Mapping[str, re.Pattern[str]] = {
    "a secret of the gateway": re.compile(r"(local|stack)_key_secret|whsec_|canary-\w+-secret"),
    "a bearer token": re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}"),
    "an upload's signature": re.compile(r"(?i)x-amz-(signature|credential|security-token)|\bpolicy\W{1,4}eyJ"),
    "a checkout or webhook signature": re.compile(r"(?i)signature\W{1,4}[0-9a-f]{64}"),
    "a VPA": re.compile(r"[\w.+-]+@(ok\w+|ybl|upi|paytm|razorpay|axl|ibl)\b"),
    "an e-mail": re.compile(r"[\w.+-]+@[\w-]+\.(com|in|org|example)\b"),
    "a phone number": re.compile(r"\+91[6-9][0-9]{9}"),
}
CARD = re.compile(r"(?<![0-9A-Za-z-])[3-6][0-9]{3}([ -]?)[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}(?![0-9A-Za-z-])")

# Where what is personal belongs, by table and attribute.
BELONGS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("PaymentMethodsTable", "upi_id"): ("a VPA", "an e-mail"),
    ("PaymentsTable", "contact"): ("a phone number",),
    ("PaymentsTable", "request"): ("a phone number",),  # what the same key must ask for again
}
OWN_ID = re.compile(r'"(?:id|payment|payment_method)":"([0-9a-f-]{36})"')


class Watched:
    """What runs and is watched: it remembers what it answered to whom, and is searched when it has done its work."""

    s3: str

    def __init__(self) -> None:
        self.answers: list[tuple[str, str]] = []
        self.owned: dict[str, set[str]] = defaultdict(set)

    def log_text(self) -> str:
        """Everything that its functions wrote."""
        raise NotImplementedError

    def table_names(self, client: Any) -> Mapping[str, str]:
        """Its tables by the names that the template gives them."""
        raise NotImplementedError

    def heard(self, customer: str, answer: requests.Response) -> None:
        """Remember an answer and, of one that shows what is the caller's, whose the ids in it are.

        An id that the caller sent tells them nothing: an error may name what it is about.
        """
        sent = f"{answer.request.url} {answer.request.body!r}"
        self.answers.append((customer, UUID.sub(lambda one: "" if one[0] in sent else one[0], answer.text)))
        if answer.ok:
            self.owned[customer].update(OWN_ID.findall(answer.text))

    def check_canaries(self) -> None:
        """Nothing secret or personal in the log, in a table where it does not belong, or in another's answer."""
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        client = boto3.client("dynamodb", endpoint_url=self.s3, region_name="ap-south-1", **keys)
        scan = client.get_paginator("scan")
        tables = {
            name: [item for page in scan.paginate(TableName=table) for item in page["Items"]]
            for name, table in self.table_names(client).items()
        }
        found = [f"the log holds {one}" for one in found_in(self.log_text())]
        found += found_in_tables(tables)
        found += found_in_answers(self.answers, self.owned)
        assert not found, found[:20]


def found_in(text: str) -> Iterator[str]:
    """What of it is in the text, by its kind and a few of its letters."""
    for kind, pattern in PATTERNS.items():
        for match in pattern.finditer(text):
            yield f"{kind}: {match[0][:6]}…"
    for match in CARD.finditer(text):
        if _luhn(re.sub(r"[ -]", "", match[0])):
            yield f"a card number: {match[0][:6]}…"


def found_in_tables(tables: Mapping[str, Iterable[Mapping[str, Any]]]) -> Iterator[str]:
    """What is stored where it does not belong; items as DynamoDB answers them."""
    for table, items in tables.items():
        for item in items:
            for name, value in item.items():
                allowed = BELONGS.get((table, name), ())
                for one in found_in(str(value)):
                    if not one.startswith(allowed or "\0"):
                        yield f"{table}.{name} holds {one}"


def found_in_answers(answers: Iterable[tuple[str, str]], owned: Mapping[str, set[str]]) -> Iterator[str]:
    """Ids of one customer in an answer to another; answers are (customer, text)."""
    owners = {one: customer for customer, ids in owned.items() for one in ids}
    for customer, text in answers:
        for one in UUID.findall(text):
            if owners.get(one, customer) != customer:
                yield f"an answer to another customer holds {one}"
        for kind in ("a secret of the gateway", "a bearer token"):
            if PATTERNS[kind].search(text):
                yield f"an answer holds {kind}"


UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
