"""Malformed input for every function: random and mutated requests, webhooks (most of them signed) and events.

No exception may escape, every status must be documented, and no input may cost much CPU.
"""

import base64
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from local.template import Route
from shared.auth import KeysUnavailable
from shared.http.endpoint import BODY_BYTES_MAX
from tests.simulation.flows.flow import API, fund_wallet
from tests.simulation.flows.photos import create_upload, photo
from tests.simulation.harness import HARNESS, WEBHOOK_SECRET
from tests.simulation.invariants.registry import violations
from tests.simulation.invariants.replies import STATUSES
from tests.simulation.world import Context, World
from tests.support.costly_inputs import VALUES

CPU_MS_MAX = 50
REPEATS = 5  # of an input that seemed slow: the fastest run counts
INPUTS_PER_WORLD = 200
ALLOWED_STATUSES = tuple(status for status in STATUSES if status not in (0, 503))  # no call fails here

WORDS: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 10**9, 10**30, 1.5, -0.0, 1e308, "", " ", "0", "1", "-1", "1e5", "1E1000000",
    "NaN", "Infinity", "19.99", "1_000", "१०", "٣", "\u202e", "\x00", "\ud800", "a" * 5_000, "upi", "card", "wallet",
    "gateway", "asha@ybl", "@", "a@b@c", "4111 1111 1111 1111", "5105105105105100", "pay_1", "order_1", "../..",
    "%2e%2e", "' OR 1", "=cmd()", "<script>", "2026-01-09", "9999-12-31T23:59:59Z", [], {}, [[]], {"a": {"a": 1}},
    ["x"] * 300, "00000000-0000-4000-8000-000000000000", "\U0001f9e5", "captured", "refunded", "INR",
)  # fmt: skip
TEXTS = tuple(word for word in WORDS if isinstance(word, str))
RAW = (
    b"", b"{", b"[" * 50_000, b'{"a":' * 5_000, b"\xff\xfe", b"\xef\xbb\xbf{}", b'"\\ud800"', b"9" * 5_000, b"null",
    b"NaN", b"[" * 30_000 + b"]" * 30_000, b'{"amount":1e999999}', b'{"amount":' + b"9" * 60_000 + b"}", b"{}" * 100,
    b"-", b"\x00", b'{"a":1,"a":2}', b'{"amount":"' + b"1" * 60_000 + b'"}',
)  # fmt: skip


@dataclass
class Fuzzed:
    """The result: how many inputs, their statuses, the slowest one, and what was wrong."""

    inputs: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    cpu_ms_max: float = 0.0
    wrong: list[str] = field(default_factory=list)


def fuzz(seed: int, count: int) -> Fuzzed:
    """Run `count` inputs made from one seed."""
    chance, found = random.Random(seed), Fuzzed()
    world = _world(seed)
    for number in range(count):
        if number % INPUTS_PER_WORLD == INPUTS_PER_WORLD - 1:
            found.wrong += [f"seed {seed}, before input {number}: {text}" for text in violations(world)]
            world = _world(seed + number)
        function, event = _input(chance, world)
        response, cpu_ms = _timed(world, function, event)
        if cpu_ms > CPU_MS_MAX:
            cpu_ms = min(cpu_ms, *(_timed(world, function, event)[1] for _ in range(REPEATS)))
        found.inputs += 1
        found.cpu_ms_max = max(found.cpu_ms_max, cpu_ms)
        if problem := _problem(response, cpu_ms, "httpMethod" in event):
            found.wrong.append(f"seed {seed}, input {number}, {function}: {problem}: {json.dumps(event)[:2_000]}")
        status = response.get("statusCode") if isinstance(response, dict) else type(response).__name__
        found.statuses[str(status)] += 1
    return found


def _world(seed: int) -> World:
    world = World(seed)
    HARNESS.warm()
    customer = world.customer()
    fund_wallet(world, customer)
    world.call(customer, "POST", f"{API}/payment-methods/", {"type": "upi", "upi_id": customer.vpa})
    upload = create_upload(world, customer)["upload"]
    world.s3.put(HARNESS.uploads, upload["fields"]["key"], photo()[: random.Random(seed).randint(0, 900)])
    return world


def _timed(world: World, function: str, event: dict[str, Any]) -> tuple[Any, float]:
    """The function's response, or the exception that escaped, and its CPU time in ms."""
    context = Context(function, world.clock_us + 10_000_000, lambda: world.clock_us)
    began = time.process_time_ns()
    try:
        response = HARNESS.handlers[function](event, context)
    except Exception as error:
        response = error
    return response, (time.process_time_ns() - began) / 1_000_000


def _problem(response: Any, cpu_ms: float, is_request: bool) -> str:
    """What is wrong with a response, or an empty string."""
    if isinstance(response, Exception):
        # So the authorizer says that it refuses a token for now, and that it has no key to judge it by.
        is_rejection = not is_request and (str(response) == "Unauthorized" or isinstance(response, KeysUnavailable))
        return "" if is_rejection else f"{type(response).__name__}: {response}"
    if cpu_ms > CPU_MS_MAX:
        return f"{cpu_ms:.0f} ms of CPU"
    if is_request:
        if response["statusCode"] not in ALLOWED_STATUSES:
            return f"replied {response['statusCode']}"
        if response["statusCode"] != 204:
            json.loads(response["body"])
    return ""


# --- inputs


def _input(chance: random.Random, world: World) -> tuple[str, dict[str, Any]]:
    kind = chance.random()
    if kind < 0.45:
        return _request(chance, world)
    if kind < 0.8:
        return _webhook(chance, world)
    if kind < 0.9:
        return "CompressImage", _s3_event(chance, world)
    if kind < 0.95:
        return chance.choice(list(HARNESS.template.authorizers.values())), {
            "type": "TOKEN",
            "authorizationToken": chance.choice([_text(chance), f"Bearer {_token(chance)}", "", None]),
            "methodArn": "arn:aws:execute-api:ap-south-1:000000000000:api/stage/GET/x",
        }
    function = chance.choice(HARNESS.template.scheduled)
    return function, chance.choice([{}, {"source": _word(chance)}, {"Records": _word(chance)}])


def _request(chance: random.Random, world: World) -> tuple[str, dict[str, Any]]:
    route = chance.choice(HARNESS.routes)
    endpoint = HARNESS.handlers[route.function].endpoint  # type: ignore[attr-defined]
    names = list(endpoint.body or {}) or ["amount"]
    ids = [row["id"] for table in ("PaymentsTable", "PaymentMethodsTable") for row in world.rows(table)]
    path_id = chance.choice([*ids, _text(chance)])
    headers = {"Content-Type": "application/json", "Host": "api.test"}
    if chance.random() < 0.3:
        headers[chance.choice(["Content-Type", "Idempotency-Key", "Host", "X-Forwarded-Proto", "é"])] = _text(chance)
    elif chance.random() < 0.5:
        headers["Idempotency-Key"] = f"key-{chance.randint(0, 9)}"
    valid = {name: endpoint.body[name].example for name in names if endpoint.body and endpoint.body[name].example}
    query = {chance.choice(["page", "type", "category", "from", "to", "q", "x"]): _text(chance)}
    return route.function, _event(chance, route.path.replace("{id}", str(path_id)), route.path, route.method) | {
        "headers": chance.choice([headers, headers, headers, None]),
        "pathParameters": {"id": path_id} if "{id}" in route.path else None,
        "queryStringParameters": chance.choice([query, query, None]),
        **_body(chance, {**valid, chance.choice(names): _word(chance)}),
        "requestContext": chance.choice(
            [{"authorizer": _caller(route, world)}] * 6 + [{}, None, {"authorizer": None}]
        ),
    }


def _caller(route: Route, world: World) -> dict[str, str]:
    return (world.staff() if route.path.startswith("/api/staff/") else world.customers[0]).context


def _webhook(chance: random.Random, world: World) -> tuple[str, dict[str, Any]]:
    route = next(route for route in HARNESS.routes if route.is_open)
    body = json.loads(chance.choice(list(world.razorpay.events.values()))["body"])
    for _ in range(chance.randint(0, 4)):
        body = _mutated(chance, body)
    raw = json.dumps(body).encode()
    if chance.random() < 0.2:
        raw = _bytes(chance, raw)
    signature = world.razorpay.sign(WEBHOOK_SECRET, raw) if chance.random() < 0.9 else _text(chance)
    headers = {"X-Razorpay-Signature": signature, "x-razorpay-event-id": _text(chance)}
    return route.function, _event(chance, route.path, route.path, "POST") | {
        "headers": headers,
        "body": base64.b64encode(raw).decode(),
        "isBase64Encoded": True,
        "requestContext": {},
    }


def _s3_event(chance: random.Random, world: World) -> dict[str, Any]:
    """S3's event for an upload that exists or does not, mutated into what S3 never sends."""
    keys = [*world.s3.keys(HARNESS.uploads), "in/x", "out/x", _text(chance)]
    record = {
        "bucket": {"name": HARNESS.uploads},
        "object": {"key": quote_plus(chance.choice(keys), safe="/", errors="replace")},
    }
    event: Any = {"Records": [{"eventName": "ObjectCreated:Post", "s3": record}]}
    for _ in range(chance.randint(0, 3)):
        event = _mutated(chance, event)
    return event if isinstance(event, dict) else {"Records": event}


def _event(chance: random.Random, path: str, resource: str, method: str) -> dict[str, Any]:
    return {"resource": resource, "path": path + chance.choice(["", "/"]), "httpMethod": method}


def _body(chance: random.Random, valid: dict[str, Any]) -> dict[str, Any]:
    kind = chance.random()
    if kind < 0.5:
        return {"body": json.dumps(_mutated(chance, valid)), "isBase64Encoded": False}
    if kind < 0.52:  # in an unknown key or in a field, up to the limit of a body
        costly = {chance.choice(["x", *valid]): VALUES[chance.choice(list(VALUES))]}
        return {"body": json.dumps(costly)[:BODY_BYTES_MAX], "isBase64Encoded": False}
    if kind < 0.6:
        return {
            "body": chance.choice([None, "", json.dumps(_word(chance))]),
            "isBase64Encoded": chance.random() < 0.3,
        }
    raw = chance.choice([*RAW, _bytes(chance, json.dumps(valid).encode())])
    return {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}


def _mutated(chance: random.Random, value: Any) -> Any:
    """The value with one part of it changed, dropped, doubled or moved."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(list(value))
        changes: list[Callable[[], dict[str, Any]]] = [
            lambda: {key: item for key, item in value.items() if key != name},
            lambda: value | {name: _word(chance)},
            lambda: value | {name: _mutated(chance, value[name])},
            lambda: value | {name: _mutated(chance, value[name])},
            lambda: value | {_text(chance): value[name]},
        ]
        return chance.choice(changes)()
    if isinstance(value, list) and value and chance.random() < 0.8:
        return [*value, _mutated(chance, chance.choice(value))]
    return _word(chance)


def _word(chance: random.Random) -> Any:
    return chance.choice(WORDS)


def _text(chance: random.Random) -> str:
    return (
        chance.choice(TEXTS) if chance.random() < 0.8 else "".join(chr(chance.randint(1, 0x2FF)) for _ in range(20))
    )


def _token(chance: random.Random) -> str:
    parts = [json.dumps({"alg": _word(chance), "kid": _word(chance)}), json.dumps({"sub": _word(chance)}), "x"]
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


def _bytes(chance: random.Random, raw: bytes) -> bytes:
    """Some bytes flipped, cut or doubled."""
    changed = bytearray(raw)
    for _ in range(chance.randint(1, 8)):
        if not changed:
            break
        place = chance.randrange(len(changed))
        match chance.randint(0, 3):
            case 0:
                changed[place] = chance.randrange(256)
            case 1:
                del changed[place : place + chance.randint(1, 20)]
            case 2:
                changed[place:place] = changed[max(place - 20, 0) : place]
            case 3:
                changed[place:place] = chance.choice(RAW)[:200]
    return bytes(changed)
