"""The committed API document is what the functions declare, and its types are the rules' own."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

import pytest
from openapi_spec_validator import validate
from pydantic import TypeAdapter

from local.template import ROOT, Template
from shared.desk import models as desk_models
from shared.desk import proposal_serializers, proposals, review_serializers
from shared.disputes import lifecycle as dispute_lifecycle
from shared.disputes import serializers as disputes
from shared.errors import ApiError, WalletBlocked
from shared.http import fields
from shared.http.body import parse_json
from shared.images import lifecycle as image_lifecycle
from shared.images import serializers as images
from shared.images.rejections import REJECTION_TEXTS
from shared.payment_methods import cards
from shared.payment_methods import models as method_models
from shared.payment_methods import serializers as methods
from shared.payments import lifecycle, limits, starts
from shared.payments import serializers as payments
from shared.refunds import lifecycle as refund_lifecycle
from shared.refunds import serializers as refunds
from shared.staff import serializers as staff
from shared.staff import timeline
from shared.transactions import rows
from shared.transactions import serializers as transactions
from shared.wallets import ledger
from tests.support.api_document import (
    DOCUMENT,
    PATH,
    operations,
    resolve,
    response_violations,
    schema_violations,
)
from tools.openapi.components import KINDS, error_body
from tools.openapi.document import text
from tools.openapi.operations import Operation
from tools.openapi.operations import operations as declared_operations

# Half of what the document took when its schemas were guessed from examples, and had 28 operations.
BYTES_PER_OPERATION_MAX = 162_550 // 28
# Each enum of the document, and the table that the rules go by.
ENUMS: Mapping[Any, Collection[str]] = {
    limits.LimitName: [starts.WALLET_LIMIT, *starts.TEXTS],
    limits.BindingRule: [starts.WALLET_LIMIT, *starts.TEXTS, WalletBlocked.code],
    payments.PaymentStatus: lifecycle.TRANSITIONS,
    payments.PaymentPurpose: (lifecycle.TOP_UP, lifecycle.PAYMENT),
    payments.PaymentSource: (lifecycle.GATEWAY, lifecycle.WALLET),
    payments.SaveMethodStatus: (cards.PENDING, cards.SAVED, cards.NOT_SAVED, cards.NOT_AVAILABLE),
    refunds.RefundStatus: {*refund_lifecycle.TRANSITIONS} - {refund_lifecycle.NEW},
    refunds.RefundDestination: refund_lifecycle.DESTINATIONS,
    review_serializers.ReviewStatus: desk_models.REVIEW_STATUSES,
    proposal_serializers.ProposalKind: proposals.KINDS,
    proposal_serializers.ProposalStatus: proposals.STATUSES,
    proposal_serializers.AdjustmentType: (ledger.CREDIT, ledger.DEBIT),
    disputes.DisputeStatus: dispute_lifecycle.STATUSES,
    staff.EntryKind: {kind for kind, _ in (*ledger.PAIRS, *ledger.UNLISTED)},
    staff.StaffPaymentPurpose: (lifecycle.TOP_UP, lifecycle.PAYMENT, lifecycle.UNKNOWN),
    staff.TimelineSource: {*timeline.SOURCES.values(), "webhook", "service"},
    transactions.TransactionType: {*ledger.TYPES.values()},
    transactions.TransactionCategory: ledger.CATEGORIES,
    transactions.TransactionStatus: rows.STATUSES,
    methods.PaymentMethodType: method_models.TYPES,
    methods.CardStatus: {*cards.FOLLOWED_STATUSES} - {cards.SAVING},  # a card is listed once it is saved
    images.ImageStatus: {*image_lifecycle.TRANSITIONS} - {image_lifecycle.DELETED},
    images.RejectionCode: REJECTION_TEXTS,
    images.VariantFormat: image_lifecycle.MEDIA_TYPES,
}
OPERATIONS = list(declared_operations())


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in the document."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(child)


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """The content of every request and response body."""
    for name, operation in operations():
        bodies = {**operation["responses"], "request": operation.get("requestBody", {})}
        for place, body in bodies.items():
            for content in resolve(body).get("content", {}).values():
                yield f"{name} {place}", content


def test_committed_document_is_up_to_date() -> None:
    assert PATH.read_text() == text(), "make openapi writes it anew"


def test_document_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_document_stays_below_its_size_limit() -> None:
    assert len(PATH.read_bytes()) < BYTES_PER_OPERATION_MAX * len(list(operations()))


def test_paths_are_the_routes_of_the_template() -> None:
    assert {name for name, _ in operations()} == {f"{route.method} {route.path}" for route in Template().routes}


def test_operations_are_named_after_their_functions() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert len(set(names)) == len(names)
    with_actions = {declared.name for declared in OPERATIONS if declared.endpoint.actions}
    functions = {
        re.sub("^[A-Z][a-z]+", route.path.rpartition("/")[2], route.function)
        if route.function in with_actions
        else route.function[0].lower() + route.function[1:]
        for route in Template().routes
    }
    assert {name.removesuffix("Alias") for name in names} == functions


def test_only_the_webhook_is_public() -> None:
    public = [name for name, operation in operations() if not operation["security"]]
    assert public == ["POST /api/payments/webhooks/razorpay"]


# --- schemas


def test_every_body_has_a_named_schema() -> None:
    for place, content in contents():
        assert list(content["schema"]) == ["$ref"], place
        assert content["schema"]["$ref"].startswith("#/components/schemas/"), place


def test_references_resolve_and_components_are_used() -> None:
    references = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}
    assert all(resolve({"$ref": reference}) for reference in references)
    sections = {section: names for section, names in DOCUMENT["components"].items() if section != "securitySchemes"}
    assert references == {f"#/components/{section}/{name}" for section, names in sections.items() for name in names}


def test_null_is_never_the_only_type() -> None:
    """A schema that is always null keeps generated clients from compiling."""
    schemas = list(nodes(DOCUMENT["components"]["schemas"]))
    nullable = [node for node in schemas if {"type": "null"} in node.get("oneOf", [])]
    assert all("$ref" in node["oneOf"][0] and len(node["oneOf"]) == 2 for node in nullable)
    assert len([node for node in schemas if node.get("type") in ("null", ["null"])]) == len(nullable)


@pytest.mark.parametrize("name", ENUMS, ids=str)
def test_enum_has_the_values_of_its_table(name: Any) -> None:
    values = get_args(name.__value__)
    assert sorted(values) == sorted(ENUMS[name])
    assert DOCUMENT["components"]["schemas"][str(name)]["enum"] == list(values)


def test_every_enum_of_a_response_has_a_table() -> None:
    named = {name for name, schema in DOCUMENT["components"]["schemas"].items() if "enum" in schema}
    assert named == {str(name) for name in ENUMS}


# --- examples


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_examples_fit_their_types(operation: Operation) -> None:
    """Every type of a response has examples, which pydantic takes without converting anything."""
    for status, body in operation.bodies.items():
        examples = operation.examples(status)
        assert bool(examples) is (body is not None)
        for example in examples.values():
            assert TypeAdapter(body).validate_python(example, strict=True) == example


def test_every_body_has_examples_of_its_schema() -> None:
    for place, content in contents():
        if content["schema"]["$ref"].endswith("/ReceiveWebhookInput"):
            continue  # Razorpay's
        assert content["examples"], place
        for example in content["examples"].values():
            assert schema_violations(content["schema"], resolve(example)["value"]) == [], place


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_example_of_a_request_passes_its_field_table(operation: Operation) -> None:
    table = operation.endpoint.body
    if table is not None:
        example = DOCUMENT["components"]["examples"][f"{operation.name}Input"]["value"]
        sent = parse_json(json.dumps(example).encode())
        assert fields.validate(table, sent, operation.endpoint.partial)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_errors_have_the_body_of_their_schema(kind: type[ApiError]) -> None:
    schema = "FieldErrors" if kind.code == "invalid" else "ApiError"
    assert schema_violations({"$ref": f"#/components/schemas/{schema}"}, error_body(kind)) == []


def test_violations_of_the_document_are_found() -> None:
    url = "/api/payments/wallets/9d3e0000-0000-4000-8000-000000000000/"
    assert response_violations("GET", url, 404, {"detail": "Not found."}) == []
    assert response_violations("GET", url, 404, {"detail": 1})
    assert response_violations("GET", url, 200, {"detail": "Not found."})
    assert response_violations("GET", url, 418, {})
    assert response_violations("DELETE", "/api/mobile/images/9d3e0000-0000-4000-8000-000000000000", 204, {})


def test_no_function_imports_examples_or_pydantic() -> None:
    """Examples are documentation: they would make every cold start longer."""
    modules = [f"{path.parent.name}.{path.stem}" for path in sorted((ROOT / "functions").rglob("*.py"))]
    code = f"import sys, {', '.join(modules)}\nprint(*sys.modules)"
    path = os.pathsep.join((str(ROOT), str(ROOT / "functions")))
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert "shared.payments.serializers" in loaded
    assert not [name for name in loaded if re.search(r"(^|\.)examples$|^pydantic", name)]
