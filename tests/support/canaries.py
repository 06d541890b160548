"""The search for data where it must never be: secrets, tokens, card numbers and personal data.

The suite's own data are the canaries: every secret, token, VPA, phone number, e-mail address and card number that a
test uses has a shape that these patterns match. The log of the service, the output of each test, the tables and every
response to an app are searched for them.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import boto3
import requests

from local.issuer import Issuer
from shared import clock

RAZORPAY_SECRET, BEARER_TOKEN = "a secret of Razorpay's account", "a bearer token"
PATTERNS: Mapping[str, re.Pattern[str]] = {
    RAZORPAY_SECRET: re.compile(r"(local|stack)_key_secret|whsec_|canary-\w+-secret"),
    BEARER_TOKEN: re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}"),
    "an upload's signature": re.compile(r"(?i)x-amz-(signature|credential|security-token)|\bpolicy\W{1,4}eyJ"),
    "a checkout or webhook signature": re.compile(r"(?i)signature\W{1,4}[0-9a-f]{64}"),
    "a VPA": re.compile(r"[\w.+-]+@(ok\w+|ybl|upi|paytm|razorpay|axl|ibl)\b"),
    "an e-mail": re.compile(r"[\w.+-]+@[\w-]+\.(com|in|org|example)\b"),
    "a phone number": re.compile(r"\+91[6-9][0-9]{9}"),
}
CARD_NUMBER = re.compile(r"(?<![0-9A-Za-z-])[3-6][0-9]{3}([ -]?)[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}(?![0-9A-Za-z-])")
PSEUDONYM = re.compile(r'"(customer|staff)": ?"[0-9a-f]{16}"')  # perhaps of digits alone
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
OWN_ID = re.compile(r'"(?:id|payment|payment_method)":"([0-9a-f-]{36})"')

# The personal data that may be stored, by table and attribute.
ALLOWED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("PaymentMethodsTable", "upi_id"): ("a VPA", "an e-mail"),
    ("PaymentsTable", "contact"): ("a phone number",),
    ("UnusableWebhooksTable", "body"): ("a VPA", "an e-mail", "a phone number"),  # deleted after 30 days
    ("UnusableWebhooksTable", "signature"): ("a checkout or webhook signature",),
}


class ServiceUnderTest:
    """A running service that remembers its responses and is searched for canaries at the end."""

    s3: str
    issuer: Issuer
    staff_issuer: Issuer

    def __init__(self) -> None:
        self.responses: list[tuple[str, str]] = []  # customer, text
        self.owned: dict[str, set[str]] = defaultdict(set)  # ids by customer

    def log_text(self) -> str:
        """Everything that its functions logged."""
        raise NotImplementedError

    def table_names(self, client: Any) -> Mapping[str, str]:
        """Its tables, by their logical ids in the template."""
        raise NotImplementedError

    def staff_token(self, *groups: str, sub: str = "5afa0000-0000-4000-8000-00000000000f", **claims: Any) -> str:
        """A token of staff in these groups; `claims` replaces others."""
        return self.staff_issuer.token(sub, clock.now_s(), groups=groups, **claims)

    def record(self, customer: str, response: requests.Response) -> None:
        """Remember a response and, if it succeeded, that the ids in it are the customer's.

        An id that the customer sent is left out: an error may repeat it.
        """
        request = f"{response.request.url} {response.request.body!r}"
        text = UUID.sub(lambda match: "" if match[0] in request else match[0], response.text)
        self.responses.append((customer, text))
        if response.ok:
            self.owned[customer].update(OWN_ID.findall(response.text))

    def check_canaries(self) -> None:
        """Nothing secret or personal in the log, in a table where it is not allowed, or in another's response."""
        client = boto3.client(
            "dynamodb",
            endpoint_url=self.s3,
            region_name="ap-south-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        scan = client.get_paginator("scan")
        tables = {
            name: [item for page in scan.paginate(TableName=table) for item in page["Items"]]
            for name, table in self.table_names(client).items()
        }
        found = [f"the log contains {match}" for match in find_canaries(self.log_text())]
        found += find_in_tables(tables)
        found += find_in_responses(self.responses, self.owned)
        assert not found, found[:20]


def find_canaries(text: str) -> Iterator[str]:
    """Each canary in the text, by its kind and first letters."""
    for kind, pattern in PATTERNS.items():
        for match in pattern.finditer(text):
            yield f"{kind}: {match[0][:6]}…"
    for match in CARD_NUMBER.finditer(PSEUDONYM.sub("", text)):
        if _passes_luhn(re.sub(r"[ -]", "", match[0])):
            yield f"a card number: {match[0][:6]}…"


def find_in_tables(tables: Mapping[str, Iterable[Mapping[str, Any]]]) -> Iterator[str]:
    """Each canary stored where it is not allowed; items are in DynamoDB's format."""
    for table, items in tables.items():
        for item in items:
            for name, value in item.items():
                allowed = ALLOWED.get((table, name), ())
                for match in find_canaries(str(value)):
                    if not match.startswith(allowed or "\0"):
                        yield f"{table}.{name} contains {match}"


def find_in_responses(responses: Iterable[tuple[str, str]], owned: Mapping[str, set[str]]) -> Iterator[str]:
    """Each id of one customer in another's response, and each secret; responses are (customer, text)."""
    owners = {own_id: customer for customer, ids in owned.items() for own_id in ids}
    for customer, text in responses:
        for found_id in UUID.findall(text):
            if owners.get(found_id, customer) != customer:
                yield f"a response to another customer contains {found_id}"
        for kind in (RAZORPAY_SECRET, BEARER_TOKEN):
            if PATTERNS[kind].search(text):
                yield f"a response contains {kind}"


def _passes_luhn(digits: str) -> bool:
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
