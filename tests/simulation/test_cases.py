"""Every case of the catalogue is accounted for, the tests that it names exist, and its requests get their status."""

import ast
import difflib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.template import ROOT
from tests.simulation.cases import COUNTS, COVERED, METHODS, NOT_TESTED, REQUESTS
from tests.simulation.flows.flow import fund_wallet
from tests.simulation.invariants.registry import violations
from tests.simulation.races.registry import RACES
from tests.simulation.world import World


def test_every_case_is_tested_or_explained() -> None:
    wanted = {f"{group}{number}" for group, count in COUNTS.items() for number in range(1, count + 1)}
    requested = {case for case, *_ in REQUESTS}
    assert requested | set(COVERED) | set(NOT_TESTED) == wanted
    assert not set(NOT_TESTED) & (requested | set(COVERED))
    assert len(wanted) == 193 and len(NOT_TESTED) <= 14


def test_every_named_test_exists() -> None:
    """When a test is renamed, its name in `cases.py` follows; the message suggests where it went."""
    existing = {**dict.fromkeys(RACES, "races"), **dict(_names())}
    missing = [
        f"{case} names {name}; similar: {_similar(name, existing)}"
        for case, names in COVERED.items()
        for name in names
        if name not in existing
    ]
    assert not missing, "\n".join(missing)


def _names() -> Iterator[tuple[str, str]]:
    """The functions and assigned names of all test modules, with their files."""
    for path in (ROOT / "tests").rglob("*.py"):
        file = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                yield node.name, file
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                yield node.targets[0].id, file


def _similar(name: str, existing: dict[str, str]) -> str:
    matches = difflib.get_close_matches(name, existing, n=3, cutoff=0.4)
    return ", ".join(f"{match} ({existing[match]})" for match in matches) or "none"


@pytest.mark.usefixtures("harness")
@pytest.mark.parametrize(("case", "method", "path", "body", "status"), REQUESTS)
def test_request_of_the_catalogue_gets_its_status(
    case: str, method: str, path: str, body: Any, status: int, world: World
) -> None:
    for name, value in _own_ids(world).items():
        path = path.replace(f"{{{name}}}", value)
    entries, orders = world.rows("WalletEntriesTable"), len(world.razorpay.orders)
    raw = body if isinstance(body, str) or body is None else json.dumps(body)
    headers = {"Content-Type": "application/json", "Host": "api.test"}
    reply = world.request(method, path, raw, headers, world.customers[0])
    assert reply.status == status, (case, reply)
    assert world.rows("WalletEntriesTable") == entries
    if status >= 400:
        assert len(world.razorpay.orders) == orders
    assert violations(world) == []


def _own_ids(world: World) -> dict[str, str]:
    """The ids of a payment and a method of the customer that makes the requests."""
    customer = world.customers[0]
    payment = fund_wallet(world, customer)
    method = world.call(customer, "POST", METHODS, {"type": "upi", "upi_id": customer.vpa}).body
    return {"payment": payment["id"], "method": method["id"]}
