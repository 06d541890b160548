"""Invariants of what replies, logs and tables may contain."""

import re
from collections.abc import Iterator

from tests.simulation.harness import KEY_SECRET, OLD_WEBHOOK_SECRET, WEBHOOK_SECRET
from tests.simulation.invariants.check import METHODS, PAYMENTS, Findings
from tests.simulation.world import Customer, Request, World

SECRETS = (KEY_SECRET, WEBHOOK_SECRET, OLD_WEBHOOK_SECRET)
CARD_NUMBER = re.compile(r"(?<![0-9])[3-6][0-9]{12,18}(?![0-9])")
PHOTO_HASH = re.compile(r'"sha256":"[0-9a-f]{64}"')  # its digits may look like a card number


def isolation(world: World) -> Findings:
    """No reply to a customer contains another's data. Staff may see everybody's."""
    private = {customer.id: _private(world, customer) for customer in world.customers}
    for request, reply in world.replies:
        if not reply.text or (request and request.customer.groups is not None):
            continue
        caller = request.customer.id if request else ""
        for owner, values in private.items():
            if owner != caller and any(value in reply.text for value in values):
                yield f"{_name(request)} replied with another customer's data"


def _private(world: World, customer: Customer) -> list[str]:
    payments = [row["id"] for row in world.rows(PAYMENTS) if row["customer"] == customer.id]
    return [customer.id, customer.vpa, customer.phone, customer.name, *payments]


def _name(request: Request | None) -> str:
    return request.path if request else "a webhook"


def nothing_secret(world: World) -> Findings:
    """No secret in any reply, log line, metric or table; nothing personal in a log line or metric.

    Only what was added since the last check is read: replies, log lines and writes never change.
    """
    replies = "\n".join(reply.text for _, reply in world.unread("replies", world.replies))
    stored = str([after for *_, after in world.unread("stored", world.dynamodb.journal)])
    log = world.unread("log", world.log.getvalue())
    for secret in SECRETS:
        for where, text in (("a reply", replies), ("the log", log), ("a table", stored)):
            if secret in text:
                yield f"{where} contains a secret"
    for customer in world.customers:
        for value in (customer.vpa, customer.phone, customer.name):
            if value in log:
                yield f"the log contains {value}"
    for row in world.rows(METHODS):
        if row.get("token") and row["token"] in log:
            yield "the log contains a card token"
    for number in _card_numbers(PHOTO_HASH.sub("", log)):
        yield f"the log contains what could be a card number of {len(number)} digits"


def _card_numbers(text: str) -> Iterator[str]:
    for number in CARD_NUMBER.findall(text):
        if _passes_luhn(number):
            yield number


def _passes_luhn(digits: str) -> bool:
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
