"""Every route against the API's own document, in process, by two customers, alone and in sequences."""

from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis import Case, Response, checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ensure_resource_availability,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
    use_after_free,
)

from tests.prove.invariants import violations
from tests.prove.world import STAGE
from tests.prove.wsgi import FOLLOWS, app, fresh

SCHEMA = schemathesis.openapi.from_wsgi("/openapi.json", app)
AUTHORIZED = {"Authorization": "Bearer customer-1"}
ANOTHER = {"Authorization": "Bearer customer-2"}
CHECKS = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ALONE = [*CHECKS, ignored_auth]
IN_SEQUENCE = [*CHECKS, use_after_free, ensure_resource_availability]
# The contract answers these otherwise: unknown fields are left out and numbers are taken as text, what the schema
# allows may be refused for what is stored, and a method that a path does not know is a 404.
NOT_CHECKED = ("negative_data_rejection", "positive_data_acceptance", "unsupported_method", "missing_required_header")


@pytest.mark.usefixtures("on_stage")
@SCHEMA.parametrize()
@settings(max_examples=6)
def test_every_route_answers_as_its_document_says(case: Case) -> None:
    world = fresh()
    case.call_and_validate(headers=AUTHORIZED, checks=ALONE)
    assert violations(world) == []


SEEN: set[tuple[str, int]] = set()


class Machine(SCHEMA.as_state_machine()):  # type: ignore[misc]
    """Requests that follow from one another; what one customer sees the other is told is not there."""

    def setup(self) -> None:
        fresh()

    def get_call_kwargs(self, case: Case) -> dict[str, Any]:
        return {"headers": AUTHORIZED}

    def validate_response(self, response: Response, case: Case, *args: Any, **kwargs: Any) -> None:
        SEEN.add((case.operation.definition.raw["operationId"], response.status_code))
        recorder = getattr(self, "recorder", None)
        case.validate_response(response, checks=IN_SEQUENCE, transport_kwargs=kwargs, recorder=recorder)
        if "id" in case.path_parameters and response.status_code < 400 and case.method in ("GET", "PATCH", "POST"):
            theirs = case.call(headers=ANOTHER)
            assert theirs.status_code in (400, 404), (case.method, case.formatted_path, theirs.status_code)
        assert violations(STAGE.world) == []


@pytest.mark.usefixtures("on_stage")
def test_requests_that_follow_from_one_another_answer_as_their_document_says() -> None:
    Machine.run(settings=settings(max_examples=100, stateful_step_count=8))
    next_ones = {one for ones in FOLLOWS.values() for one in ones}
    followed = {name for name, status in SEEN if status < 300 and name in next_ones}
    assert len(followed) >= 3, SEEN  # the links lead somewhere
