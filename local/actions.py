"""`POST /_local/<action>`: what exists only on a developer's machine.

New customers, a clock to move, functions to invoke, and faults of S3, of tables and of the issuer. Each action
checks its body and refuses in words what it does not know.
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.issuer import Issuer
from local.lambda_pool import LambdaPool
from local.memory import Clock, Faults

PHONE_CLAIM = "phone_number"
FORWARD_S_MAX = 10 * 365 * 86_400


class Refused(Exception):
    """The action is unknown, or its body is not what it takes; the message says so."""


class DeveloperControls:
    """What the actions read and change."""

    def __init__(self, clock: Clock, faults: Faults, issuer: Issuer, staff_issuer: Issuer) -> None:
        self.clock, self.faults = clock, faults
        self.issuer, self.staff_issuer = issuer, staff_issuer
        self.pool: LambdaPool
        self.tables: Sequence[str] = ()  # the names of all tables
        self.seeds: list[dict[str, str]] = []
        self.names: dict[str, str] = {}  # of every customer and member of staff, by id

    def new_customer(self, name: str, customer_id: str = "", phone: str = "") -> dict[str, str]:
        """A customer with a token, which carries the phone number if there is one."""
        customer_id = customer_id or str(uuid.uuid4())
        self.names[customer_id] = name
        claims = {PHONE_CLAIM: phone} if phone else {}
        return {"id": customer_id, "name": name, "token": self.issuer.token(customer_id, int(time.time()), **claims)}

    def new_staff(self, name: str, staff_id: str, groups: Sequence[str]) -> dict[str, Any]:
        self.names[staff_id] = name
        token = self.staff_issuer.token(staff_id, int(time.time()), groups=groups)
        return {"id": staff_id, "name": name, "groups": list(groups), "token": token}


@dataclass(frozen=True)
class Action:
    """One action with the fields of its body, and the type of each: a field may be absent unless it is required."""

    act: Callable[[DeveloperControls, dict[str, Any]], Any]
    required: Mapping[str, type] | None = None
    optional: Mapping[str, type] | None = None


def act(controls: DeveloperControls, name: str, body: bytes) -> Any:
    """Do one action; Refused says in words what is unknown, missing or of the wrong type."""
    if name not in ACTIONS:
        raise Refused(f"unknown action {name!r}, known actions: {', '.join(ACTIONS)}")
    action = ACTIONS[name]
    required, optional = action.required or {}, action.optional or {}
    return action.act(controls, _fields(body, required, {**required, **optional}))


def _fields(body: bytes, required: Mapping[str, type], known: Mapping[str, type]) -> dict[str, Any]:
    try:
        sent = json.loads(body or b"{}")
    except ValueError:
        raise Refused("the body is not valid JSON") from None
    if not isinstance(sent, dict):
        raise Refused("the body must be an object")
    for name, value in sent.items():
        if name not in known:
            raise Refused(f"unknown field {name!r}, known fields: {', '.join(known) or 'none'}")
        if known[name] is not object and type(value) is not known[name]:
            raise Refused(f"{name} must be {WORDS[known[name]]}")
    for name in required:
        if name not in sent:
            raise Refused(f"field {name!r} is required")
    return sent


WORDS = {int: "a whole number", str: "a text", bool: "true or false", list: "a list"}


def _customers(controls: DeveloperControls, sent: dict[str, Any]) -> Any:
    return controls.new_customer(sent.get("name") or "A customer", phone=sent.get("phone", ""))


def _clock(controls: DeveloperControls, sent: dict[str, Any]) -> Any:
    if not 0 <= sent["forward_s"] <= FORWARD_S_MAX:
        raise Refused(f"forward_s must be from 0 to {FORWARD_S_MAX}: the clock only moves forward")
    controls.clock.forward(sent["forward_s"])
    return {"ahead_s": controls.clock.ahead_s}


def _invoke(controls: DeveloperControls, sent: dict[str, Any]) -> Any:
    if sent["function"] not in controls.pool.functions:
        known = ", ".join(sorted(controls.pool.functions))
        raise Refused(f"unknown function {sent['function']!r}, known functions: {known}")
    return controls.pool.invoke(sent["function"], sent.get("event", {}))


def _faults(controls: DeveloperControls, sent: dict[str, Any]) -> Any:
    """Set the faults that are given, and leave the others."""
    operations = sent.get("s3", [])
    if not all(isinstance(name, str) and name.isascii() and name.isalnum() for name in operations):
        raise Refused('s3 must be a list of operations, such as ["GetObject"]')
    tables = sent.get("tables", [])
    if unknown := [name for name in tables if name not in controls.tables]:
        raise Refused(f"unknown table {unknown[0]!r}, known tables: {', '.join(controls.tables)}")
    for field, names in (("s3", operations), ("tables", tables)):
        if len(" ".join(names)) > Faults.SIZE:
            raise Refused(f"{field} must have at most {Faults.SIZE} characters")
    if "s3" in sent:
        controls.faults.set_s3(operations)
    if "tables" in sent:
        controls.faults.set_tables(tables)
    controls.faults.issuer = sent.get("issuer", controls.faults.issuer)
    controls.faults.uploads_twice = sent.get("uploads_twice", controls.faults.uploads_twice)
    return {
        "s3": controls.faults.s3,
        "tables": controls.faults.tables,
        "issuer": controls.faults.issuer,
        "uploads_twice": controls.faults.uploads_twice,
    }


ACTIONS: Mapping[str, Action] = {
    "customers": Action(_customers, optional={"name": str, "phone": str}),
    "seeds": Action(lambda controls, sent: controls.seeds),
    "faults": Action(_faults, optional={"s3": list, "tables": list, "issuer": bool, "uploads_twice": bool}),
    "clock": Action(_clock, {"forward_s": int}),
    "invoke": Action(_invoke, {"function": str}, {"event": object}),
    "jwks.json": Action(lambda controls, sent: controls.issuer.jwks),
    "staff_jwks.json": Action(lambda controls, sent: controls.staff_issuer.jwks),
}
