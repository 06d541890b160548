"""Every route against the OpenAPI document, in process: single requests, and sequences of two customers."""

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

from tests.simulation.harness import HARNESS
from tests.simulation.invariants.registry import violations
from tests.simulation.wsgi import NEXT_OPERATIONS, app, new_world

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
# The contract decides these otherwise: unknown fields are ignored, numbers are accepted as text, a request that
# matches the schema may be rejected because of stored data, and an unknown method is a 404.
NOT_CHECKED = ("negative_data_rejection", "positive_data_acceptance", "unsupported_method", "missing_required_header")


@pytest.mark.usefixtures("harness")
@SCHEMA.parametrize()
@settings(max_examples=6)
def test_every_route_matches_its_document(case: Case[Any]) -> None:
    world = new_world()
    case.call_and_validate(headers=AUTHORIZED, checks=ALONE)
    assert violations(world) == []


STAFF = "^/api/staff/"
SEEN: set[tuple[str, int]] = set()


class Sequences:
    """Requests that follow from one another; what one customer can read does not exist for the other."""

    def setup(self) -> None:
        new_world()

    def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
        return {"headers": AUTHORIZED}

    def validate_response(self, response: Response, case: Case[Any], *args: Any, **kwargs: Any) -> None:
        SEEN.add((case.operation.definition.raw["operationId"], response.status_code))
        recorder = getattr(self, "recorder", None)
        case.validate_response(response, checks=IN_SEQUENCE, transport_kwargs=kwargs, recorder=recorder)
        is_for_staff = case.formatted_path.startswith("/api/staff/")
        if (
            "id" in case.path_parameters
            and not is_for_staff
            and response.status_code < 400
            and case.method in ("GET", "PATCH", "POST")
        ):
            theirs = case.call(headers=ANOTHER)
            assert theirs.status_code in (400, 404), (case.method, case.formatted_path, theirs.status_code)
        assert violations(HARNESS.world) == []


class Everybody(Sequences, SCHEMA.as_state_machine()):  # type: ignore[misc]
    """Also the desk's requests, on what customers made."""


class Customers(Sequences, SCHEMA.exclude(path_regex=STAFF).as_state_machine()):  # type: ignore[misc]
    """Without the desk's many operations, which would crowd the customers' links out of the examples."""


@pytest.mark.usefixtures("harness")
def test_sequences_of_requests_match_their_document() -> None:
    SEEN.clear()
    Customers.run(settings=settings(max_examples=60, stateful_step_count=8))
    linked = {name for names in NEXT_OPERATIONS.values() for name in names}
    followed = {name for name, status in SEEN if status < 300 and name in linked}
    assert len(followed) >= 3, SEEN  # the links are followed


@pytest.mark.usefixtures("harness")
def test_sequences_of_everybody_match_their_document() -> None:
    Everybody.run(settings=settings(max_examples=60, stateful_step_count=8))
