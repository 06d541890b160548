"""The Postman collection: the API's flows in order, with scripts that keep token and ids for the next request.

`make openapi` writes docs/postman.json. Methods and paths come from the operations of the API's document.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.template import ROOT

PATH = ROOT / "docs" / "postman.json"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
ID = "6f1d9c52-3f0e-4c1b-9d0a-8a7f5a2e4b10"
VARIABLES = {"baseUrl": "http://127.0.0.1:8787", "razorpay": "http://127.0.0.1:8788", "token": ""}
NEW_KEY = "{{$guid}}"


@dataclass(frozen=True)
class Step:
    """One request: of an operation, or of `POST url` beside the API. `keep` has JavaScript for each variable.

    `checks` are JavaScript expressions about `body`, the response's JSON, that must be true.
    """

    name: str
    operation: str = ""
    url: str = ""
    ids: Mapping[str, str] | None = None
    query: str = ""
    body: Any = None
    key: str = ""
    language: str = ""
    signed_in: bool = True
    status: int = 200
    code: str = ""
    keep: Mapping[str, str] | None = None
    checks: tuple[str, ...] = ()


PAYMENT = {"id": "{{payment}}"}
PAID = {
    "razorpay_payment_id": "{{attempt}}",
    "razorpay_order_id": "{{order}}",
    "razorpay_signature": "{{signature}}",
}
FLOWS: Mapping[str, tuple[Step, ...]] = {
    "Sign in (only with make run)": (
        Step("New customer", url="{{baseUrl}}/_local/customers", body={}, keep={"token": "body.token"}),
    ),
    "Add money": (
        Step(
            "Wallet",
            "listWallets",
            keep={"wallet": "body.results[0].id"},
            checks=('body.results[0].balance === "0.00"',),
        ),
        Step("Limits", "listPaymentLimits", checks=("Number(body.may_add) >= 500",)),
        Step(
            "What it would answer",
            "addWalletBalance",
            ids={"id": "{{wallet}}"},
            query="dry_run=true",
            body={"amount": "500.00"},
            checks=("body.id === null", "body.checkout === null"),
        ),
        Step(
            "Start",
            "addWalletBalance",
            ids={"id": "{{wallet}}"},
            body={"amount": "500.00"},
            key=NEW_KEY,
            status=201,
            keep={"payment": "body.id", "order": "body.checkout.order_id"},
            checks=('body.status === "created"',),
        ),
        Step(
            "Not paid yet", "syncPayment", ids=PAYMENT, status=202, checks=('pm.response.headers.has("Retry-After")',)
        ),
        Step(
            "Pay (only with make run; otherwise Razorpay's checkout)",
            url="{{razorpay}}/_control/pay",
            body={"order_id": "{{order}}"},
            keep={"attempt": "body.razorpay_payment_id", "signature": "body.razorpay_signature"},
        ),
        Step(
            "Verify",
            "verifyPayment",
            ids=PAYMENT,
            body=PAID,
            checks=('body.status === "captured"', 'body.wallet.balance === "500.00"'),
        ),
        Step("Transactions", "listWalletTransactions", ids={"id": "{{wallet}}"}, checks=("body.count === 1",)),
    ),
    "Pay from the wallet": (
        Step(
            "Pay",
            "createPayment",
            body={"amount": "120.00", "source": "wallet", "reference": "order-1042"},
            key="postman-{{payment}}",
            status=201,
            keep={"spent": "body.id"},
            checks=('body.wallet.balance === "380.00"',),
        ),
        Step(
            "The same key again charges nothing",
            "createPayment",
            body={"amount": "120.00", "source": "wallet", "reference": "order-1042"},
            key="postman-{{payment}}",
            status=201,
            checks=(
                'body.id === pm.collectionVariables.get("spent")',
                'pm.response.headers.get("Idempotency-Replayed") === "true"',
            ),
        ),
        Step("Payment", "retrievePayment", ids={"id": "{{spent}}"}, checks=('body.status === "captured"',)),
        Step("Payments", "listPayments", query="reference=order-1042", checks=("body.count === 1",)),
        Step("Refunds of it", "listRefunds", ids={"id": "{{spent}}"}, checks=("body.count === 0",)),
    ),
    "Saved methods": (
        Step(
            "Save",
            "createPaymentMethod",
            body={"type": "upi", "upi_id": "asha@okhdfcbank"},
            status=201,
            keep={"method": "body.id"},
        ),
        Step("Make it the default", "setDefaultPaymentMethod", ids={"id": "{{method}}"}),
        Step("List", "listPaymentMethods", checks=("body.results[0].is_default === true",)),
        Step("Delete", "deletePaymentMethod", ids={"id": "{{method}}"}, status=204),
    ),
    "Photos": (
        Step(
            "Ask for an upload",
            "createImageUpload",
            body={"content_type": "image/jpeg", "size_bytes": 48213},
            status=201,
            keep={"image": "body.id"},
            checks=(
                'body.upload.method === "POST"',
                '"policy" in body.upload.fields || "Policy" in body.upload.fields',
            ),
        ),
        Step("Status", "retrieveImage", ids={"id": "{{image}}"}, checks=('body.status === "awaiting_upload"',)),
        Step("Delete", "deleteImage", ids={"id": "{{image}}"}, status=204),
    ),
    "Errors": (
        Step("Without a token", "listWallets", signed_in=False, status=401, code="not_authenticated"),
        Step(
            "In Hindi",
            "createPayment",
            body={"amount": "9000.00", "source": "wallet"},
            key=NEW_KEY,
            language="hi",
            status=400,
            code="insufficient_funds",
            checks=("/[\\u0900-\\u097f]/.test(body.detail)",),
        ),
        Step(
            "Field by field",
            "createPayment",
            body={"amount": "x"},
            status=400,
            code="invalid",
            checks=("body.amount.length === 1",),
        ),
    ),
}


def text() -> str:
    """The collection as its file has it."""
    document = json.loads((ROOT / "openapi.json").read_text())
    operations = {
        operation["operationId"]: (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    collection = {
        "info": {
            "_postman_id": ID,
            "name": "garment-pay",
            "description": "Run the folders in order: each keeps what the next ones need.",
            "schema": SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": name, "value": value} for name, value in VARIABLES.items()],
        "item": [
            {"name": name, "item": [_item(step, operations) for step in steps]} for name, steps in FLOWS.items()
        ],
    }
    return json.dumps(collection, indent=1, ensure_ascii=False) + "\n"


def _item(step: Step, operations: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    method, url = ("POST", step.url) if step.url else operations[step.operation]
    if not step.url:
        url = "{{baseUrl}}" + re.sub(r"{(\w+)}", lambda match: (step.ids or {})[match[1]], url) + "/"
    headers = {"Content-Type": "application/json"} if step.body is not None else {}
    headers |= {"Idempotency-Key": step.key} if step.key else {}
    headers |= {"Accept-Language": step.language} if step.language else {}
    request: dict[str, Any] = {
        "method": method,
        "url": f"{url}?{step.query}" if step.query else url,
        "header": [{"key": name, "value": value} for name, value in headers.items()],
    }
    if step.body is not None:
        request["body"] = {"mode": "raw", "raw": json.dumps(step.body)}
    if step.url or not step.signed_in:
        request["auth"] = {"type": "noauth"}
    event = {"listen": "test", "script": {"type": "text/javascript", "exec": _script(step)}}
    return {"name": step.name, "event": [event], "request": request}


def _script(step: Step) -> list[str]:
    lines = [f"pm.test('answers {step.status}', () => pm.response.to.have.status({step.status}));"]
    if step.code:
        lines.append(f"pm.test('{step.code}', () => pm.response.to.have.header('X-Error-Code', '{step.code}'));")
    if step.keep or step.checks:
        lines.append("const body = pm.response.json();")
    for name, expression in (step.keep or {}).items():
        lines.append(f"pm.collectionVariables.set('{name}', {expression});")
    lines += [f"pm.test({json.dumps(check)}, () => pm.expect({check}).to.be.true);" for check in step.checks]
    return lines


def write() -> None:
    PATH.write_text(text())
