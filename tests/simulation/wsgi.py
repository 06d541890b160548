"""The service as a WSGI application, in process; the bearer token is `customer-1` or `customer-2`.

On routes of staff either of them is a member of staff.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from local.template import ROOT
from tests.simulation.harness import HARNESS
from tests.simulation.world import World

CUSTOMERS = 2
UNAUTHORIZED = b'{"detail":"Authentication credentials were not provided."}'

# Which operations can follow which: the id of a response is the id in the path of the next request.
NEXT_OPERATIONS = {
    "createPaymentMethod": (
        "retrievePaymentMethod",
        "updatePaymentMethod",
        "setDefaultPaymentMethod",
        "deletePaymentMethod",
    ),
    "createPayment": ("retrievePayment", "syncPayment", "verifyPayment"),
    "addWalletBalanceAlias": ("retrievePayment", "syncPayment"),
    "createImageUpload": ("retrieveImage", "deleteImage"),
}


def document() -> dict[str, Any]:
    """The committed OpenAPI document, with links added."""
    openapi: dict[str, Any] = json.loads((ROOT / "openapi.json").read_text())
    for methods in openapi["paths"].values():
        for operation in methods.values():
            for name in NEXT_OPERATIONS.get(operation["operationId"], ()):
                links = operation["responses"]["201"].setdefault("links", {})
                links[name] = {"operationId": name, "parameters": {"id": "$response.body#/id"}}
    return openapi


def new_world() -> World:
    """A world with two customers."""
    world = World("wsgi")
    HARNESS.warm()
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
    status, received, body = _call(environ, path, headers)
    start_response(f"{status} {'OK' if status < 400 else 'No'}", list(received.items()))
    return [body]


def _call(environ: dict[str, Any], path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    world = HARNESS.world
    tokens = {f"Bearer customer-{number}": customer for number, customer in enumerate(world.customers, 1)}
    customer = tokens.get(headers.pop("Authorization", ""))
    method, is_open = environ["REQUEST_METHOD"], path.rstrip("/").endswith("/webhooks/razorpay")
    has_route = any(route.match(method, path) is not None for route in HARNESS.routes)
    if has_route and not is_open and customer is None:
        return 401, {"Content-Type": "application/json"}, UNAUTHORIZED
    if customer and path.startswith("/api/staff/"):
        customer = world.staff()
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
    reply = world.request(method, path + query, None, headers, customer, body)
    received = {name: value for name, value in reply.headers.items() if name.lower() != "content-length"}
    if reply.status != 204:
        received.setdefault("Content-Type", "application/json")
    return reply.status, received, (reply.text or ("" if reply.status == 204 else json.dumps(reply.body))).encode()
