"""The bundle as a WSGI application, in process; a token is `customer-1` or `customer-2`."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from local.template import ROOT
from tests.prove.world import STAGE, World

CUSTOMERS = 2
UNAUTHORIZED = b'{"detail":"Authentication credentials were not provided."}'

# What follows from what, by the operations' names: the id of an answer is the id of the next request's path.
FOLLOWS = {
    "CreatePaymentMethod": (
        "RetrievePaymentMethod",
        "UpdatePaymentMethod",
        "SetDefaultPaymentMethod",
        "DeletePaymentMethod",
    ),
    "CreatePayment": ("RetrievePayment", "SyncPayment", "VerifyPayment"),
    "AddWalletBalanceAlias": ("RetrievePayment", "SyncPayment"),
    "CreateUpload": ("RetrieveImage", "DeleteImage"),
}


def document() -> dict[str, Any]:
    """The committed document, with links."""
    found: dict[str, Any] = json.loads((ROOT / "openapi.json").read_text())
    for methods in found["paths"].values():
        for operation in methods.values():
            for next_one in FOLLOWS.get(operation["operationId"], ()):
                links = operation["responses"]["201"].setdefault("links", {})
                links[next_one] = {"operationId": next_one, "parameters": {"id": "$response.body#/id"}}
    return found


def fresh() -> World:
    """A world with its customers."""
    world = World("wsgi")
    STAGE.warm()
    for _ in range(CUSTOMERS):
        world.customer()
    return world


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    if path == "/openapi.json":
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(document()).encode()]
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").title(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE",) and value
    }
    status, answered, body = _answer(environ, path, headers)
    start_response(f"{status} {'OK' if status < 400 else 'No'}", list(answered.items()))
    return [body]


def _answer(environ: dict[str, Any], path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    world = STAGE.world
    tokens = {f"Bearer customer-{number}": one for number, one in enumerate(world.customers, 1)}
    customer = tokens.get(headers.pop("Authorization", ""))
    method, is_open = environ["REQUEST_METHOD"], path.rstrip("/").endswith("/webhooks/razorpay")
    known = any(route.match(method, path) is not None for route in STAGE.routes)
    if known and not is_open and customer is None:
        return 401, {"Content-Type": "application/json"}, UNAUTHORIZED
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
    reply = world.request(method, path + query, None, headers, customer, body)
    told = {name: value for name, value in reply.headers.items() if name.lower() != "content-length"}
    if reply.status != 204:
        told.setdefault("Content-Type", "application/json")
    return reply.status, told, (reply.text or ("" if reply.status == 204 else json.dumps(reply.body))).encode()
