"""The committed document is what the handlers say, and its paths are the template's."""

import json
from collections.abc import Iterator
from typing import Any

from openapi_spec_validator import validate

from local import openapi
from local.template import Template

DOCUMENT = json.loads(openapi.PATH.read_text())


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_committed_document_is_not_stale() -> None:
    assert openapi.PATH.read_text() == openapi.text(), "make openapi writes it anew"


def test_its_paths_are_the_templates_routes() -> None:
    routes = {f"{route.method} {route.path}/" for route in Template().routes}
    assert {name for name, _ in operations()} == routes


def test_it_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_every_answer_and_every_error_has_an_example() -> None:
    for name, operation in operations():
        for status, response in operation["responses"].items():
            if status != "204":
                (content,) = response["content"].values()
                assert content["examples"], (name, status)


def test_only_the_webhook_is_open_to_anyone() -> None:
    assert [name for name, one in operations() if not one["security"]] == ["POST /api/payments/webhooks/razorpay/"]
