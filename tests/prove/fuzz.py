"""Ugly bytes for every function: random and mutated requests, webhooks (most of them well signed) and events.

No exception may escape, no answer may be one that the API does not document, and no input may cost much CPU.
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

from tests.prove.drivers import API, funded
from tests.prove.invariants import STATUSES, violations
from tests.prove.photo_flows import photo
from tests.prove.world import STAGE, WEBHOOK_SECRET, Context, World

CPU_MS_MAX = 50
REPEATS = 5  # of an input that seemed slow: what it costs is the least of them
CHECK_EVERY = 200
ANSWERS = tuple(status for status in STATUSES if status not in (0, 503))  # nothing fails here but the input

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
    """How many inputs there were, what they were answered, the dearest of them, and what was wrong."""

    inputs: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    cpu_ms_max: float = 0.0
    wrong: list[str] = field(default_factory=list)


def fuzz(seed: int, count: int) -> Fuzzed:
    """So many inputs from one seed."""
    chance, found = random.Random(seed), Fuzzed()
    world = _world(seed)
    for number in range(count):
        if number % CHECK_EVERY == CHECK_EVERY - 1:
            found.wrong += [f"seed {seed}, before input {number}: {text}" for text in violations(world)]
            world = _world(seed + number)
        function, event = _input(chance, world)
        answer, cpu_ms = _cost(world, function, event)
        if cpu_ms > CPU_MS_MAX:
            cpu_ms = min(cpu_ms, *(_cost(world, function, event)[1] for _ in range(REPEATS)))
        found.inputs += 1
        found.cpu_ms_max = max(found.cpu_ms_max, cpu_ms)
        if problem := _problem(answer, cpu_ms, "httpMethod" in event):
            found.wrong.append(f"seed {seed}, input {number}, {function}: {problem}: {json.dumps(event)[:2_000]}")
        status = answer.get("statusCode") if isinstance(answer, dict) else type(answer).__name__
        found.statuses[str(status)] += 1
    return found


def _world(seed: int) -> World:
    world = World(seed)
    STAGE.warm()
    customer = world.customer()
    funded(world, customer)
    world.call(customer, "POST", f"{API}/payment-methods/", {"type": "upi", "upi_id": customer.vpa})
    ticket = world.call(customer, "POST", "/api/mobile/upload-image/", {"content_type": "image/jpeg"}).body
    world.wire.objects.put(
        STAGE.uploads, ticket["upload"]["fields"]["key"], photo()[: random.Random(seed).randint(0, 900)]
    )
    return world


def _cost(world: World, function: str, event: dict[str, Any]) -> tuple[Any, float]:
    context = Context(function, world.clock_us + 10_000_000, lambda: world.clock_us)
    begun = time.process_time_ns()
    try:
        answer = STAGE.handlers[function](event, context)
    except Exception as error:
        answer = error
    return answer, (time.process_time_ns() - begun) / 1_000_000


def _problem(answer: Any, cpu_ms: float, is_request: bool) -> str:
    if isinstance(answer, Exception):
        # The authorizer's one way of saying no, by API Gateway's rule.
        return "" if not is_request and str(answer) == "Unauthorized" else f"{type(answer).__name__}: {answer}"
    if cpu_ms > CPU_MS_MAX:
        return f"{cpu_ms:.0f} ms of CPU"
    if is_request:
        if answer["statusCode"] not in ANSWERS:
            return f"answered {answer['statusCode']}"
        if answer["statusCode"] != 204:
            json.loads(answer["body"])
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
        return STAGE.template.authorizer, {
            "type": "TOKEN",
            "authorizationToken": chance.choice([_text(chance), f"Bearer {_token(chance)}", "", None]),
            "methodArn": "arn:aws:execute-api:ap-south-1:000000000000:api/stage/GET/x",
        }
    function = chance.choice(STAGE.template.scheduled)
    return function, chance.choice([{}, {"source": _word(chance)}, {"Records": _word(chance)}])


def _request(chance: random.Random, world: World) -> tuple[str, dict[str, Any]]:
    route = chance.choice(STAGE.routes)
    endpoint = STAGE.handlers[route.function].endpoint  # type: ignore[attr-defined]
    names = list(endpoint.body or {}) or ["amount"]
    ids = [row["id"] for table in ("PaymentsTable", "PaymentMethodsTable") for row in world.rows(table)]
    path_id = chance.choice([*ids, _text(chance)])
    headers = {"Content-Type": "application/json", "Host": "api.test"}
    if chance.random() < 0.3:
        headers[chance.choice(["Content-Type", "Idempotency-Key", "Host", "X-Forwarded-Proto", "é"])] = _text(chance)
    elif chance.random() < 0.5:
        headers["Idempotency-Key"] = f"key-{chance.randint(0, 9)}"
    fitting = {name: endpoint.body[name].example for name in names if endpoint.body and endpoint.body[name].example}
    query = {chance.choice(["page", "type", "category", "from", "to", "x"]): _text(chance)}
    return route.function, _event(chance, route.path.replace("{id}", str(path_id)), route.path, route.method) | {
        "headers": chance.choice([headers, headers, headers, None]),
        "pathParameters": {"id": path_id} if "{id}" in route.path else None,
        "queryStringParameters": chance.choice([query, query, None]),
        **_body(chance, {**fitting, chance.choice(names): _word(chance)}),
        "requestContext": chance.choice(
            [{"authorizer": {"sub": world.customers[0].id}}] * 6 + [{}, None, {"authorizer": None}]
        ),
    }


def _webhook(chance: random.Random, world: World) -> tuple[str, dict[str, Any]]:
    route = next(one for one in STAGE.routes if one.is_open)
    told = json.loads(chance.choice(list(world.gateway.events.values()))["body"])
    for _ in range(chance.randint(0, 4)):
        told = _mutated(chance, told)
    raw = json.dumps(told).encode()
    if chance.random() < 0.2:
        raw = _bytes(chance, raw)
    signature = world.gateway.sign(WEBHOOK_SECRET, raw) if chance.random() < 0.9 else _text(chance)
    headers = {"X-Razorpay-Signature": signature, "x-razorpay-event-id": _text(chance)}
    return route.function, _event(chance, route.path, route.path, "POST") | {
        "headers": headers,
        "body": base64.b64encode(raw).decode(),
        "isBase64Encoded": True,
        "requestContext": {},
    }


def _s3_event(chance: random.Random, world: World) -> dict[str, Any]:
    """An event of S3's, of an upload that is there, of one that is not, or of nothing that S3 ever told."""
    keys = [*world.wire.objects.keys(STAGE.uploads), "in/x", "out/x", _text(chance)]
    told = {
        "bucket": {"name": STAGE.uploads},
        "object": {"key": quote_plus(chance.choice(keys), safe="/", errors="replace")},
    }
    event: Any = {"Records": [{"eventName": "ObjectCreated:Post", "s3": told}]}
    for _ in range(chance.randint(0, 3)):
        event = _mutated(chance, event)
    return event if isinstance(event, dict) else {"Records": event}


def _event(chance: random.Random, path: str, resource: str, method: str) -> dict[str, Any]:
    return {"resource": resource, "path": path + chance.choice(["", "/"]), "httpMethod": method}


def _body(chance: random.Random, fitting: dict[str, Any]) -> dict[str, Any]:
    kind = chance.random()
    if kind < 0.5:
        return {"body": json.dumps(_mutated(chance, fitting)), "isBase64Encoded": False}
    if kind < 0.6:
        return {
            "body": chance.choice([None, "", json.dumps(_word(chance))]),
            "isBase64Encoded": chance.random() < 0.3,
        }
    raw = chance.choice([*RAW, _bytes(chance, json.dumps(fitting).encode())])
    return {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}


def _mutated(chance: random.Random, value: Any) -> Any:
    """The value with one thing in it changed, dropped, doubled or put elsewhere."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(list(value))
        changes: list[Callable[[], dict[str, Any]]] = [
            lambda: {key: one for key, one in value.items() if key != name},
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
    return ".".join(base64.urlsafe_b64encode(one.encode()).decode().rstrip("=") for one in parts)


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
