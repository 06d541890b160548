"""Rules for the API in the template: authorizers, gateway responses and throttles."""

import json
import re
from typing import Any

import pytest

from local.api_gateway import EVENT_BYTES_MAX, EVENT_OVERHEAD_BYTES
from shared import auth, errors
from shared.http.handler import EXPOSED_HEADERS
from shared.http.multipart import MEDIA_TYPE
from shared.images.uploads import FORM_TOO_LARGE, PHOTO
from shared.staff.groups import GROUPS
from tests.support.deployment import is_deployable
from tests.support.template_roles import TEMPLATE

WEB = "https://app.example"
(API,) = TEMPLATE.of_type("AWS::Serverless::Api").values()


def test_only_the_webhook_route_has_no_authorizer() -> None:
    assert [route.path for route in TEMPLATE.routes if route.is_open] == ["/api/payments/webhooks/razorpay"]


def test_staff_have_an_authorizer_and_paths_of_their_own() -> None:
    """A path of staff with the customers' authorizer would serve every customer, and the reverse nobody."""
    assert TEMPLATE.authorizers == {"Tokens": "Authorize", "StaffTokens": "AuthorizeStaff"}
    for route in TEMPLATE.routes:
        expected = "AuthorizeStaff" if route.path.startswith("/api/staff/") else "Authorize"
        assert route.is_open or route.authorizer == expected, route.path


def test_groups_of_the_staff_pool_are_those_of_the_code() -> None:
    groups = TEMPLATE.of_type("AWS::Cognito::UserPoolGroup").values()
    assert tuple(group["GroupName"] for group in groups) == GROUPS


def test_nobody_signs_up_as_staff() -> None:
    pool = TEMPLATE.of_type("AWS::Cognito::UserPool")["Staff"]
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True} and pool["MfaConfiguration"] == "ON"


@pytest.mark.parametrize("client", TEMPLATE.of_type("AWS::Cognito::UserPoolClient"))
def test_pool_does_not_tell_who_is_registered(client: str) -> None:
    properties = TEMPLATE.of_type("AWS::Cognito::UserPoolClient")[client]
    assert properties["PreventUserExistenceErrors"] == "ENABLED" and properties["GenerateSecret"] is False


@pytest.mark.parametrize("pool", TEMPLATE.of_type("AWS::Cognito::UserPool"))
def test_pool_cannot_be_deleted_by_accident(pool: str) -> None:
    assert TEMPLATE.of_type("AWS::Cognito::UserPool")[pool]["DeletionProtection"] == "ACTIVE"


def test_customers_tokens_are_never_deployed_as_those_of_staff() -> None:
    customers = {"JwtIssuer": "https://a", "JwtAudience": "app"}
    assert is_deployable(TEMPLATE) and is_deployable(TEMPLATE, **customers)
    same = customers | {"StaffJwtIssuer": "https://a"}
    assert not is_deployable(TEMPLATE, **same, StaffJwtAudience="app")
    assert is_deployable(TEMPLATE, **same, StaffJwtAudience="desk")
    assert is_deployable(TEMPLATE, **same | {"StaffJwtIssuer": "https://b"}, StaffJwtAudience="app")


def test_no_path_ends_in_a_slash() -> None:
    assert not [route.path for route in TEMPLATE.routes if route.path.endswith("/")]


GATEWAY_RESPONSES = {
    "UNAUTHORIZED": (401, "not_authenticated"),
    "ACCESS_DENIED": (401, "token_expired"),
    "AUTHORIZER_CONFIGURATION_ERROR": (503, "unavailable"),
    "AUTHORIZER_FAILURE": (503, "unavailable"),
    "WAF_FILTERED": (403, "permission_denied"),
    "MISSING_AUTHENTICATION_TOKEN": (404, "not_found"),
    "INVALID_SIGNATURE": (404, "not_found"),
    "REQUEST_TOO_LARGE": (413, "too_large"),
    "THROTTLED": (429, "throttled"),
    "INTEGRATION_TIMEOUT": (504, "unavailable"),
    "DEFAULT_4XX": (400, "error"),
    "DEFAULT_5XX": (500, "error"),
}


def test_gateway_responses_have_the_shape_of_django() -> None:
    assert set(API["GatewayResponses"]) == set(GATEWAY_RESPONSES)
    for kind, (status, code) in GATEWAY_RESPONSES.items():
        context = {"code": "token_expired", "detail": "A text."}
        actual_status, headers, body = TEMPLATE.gateway_response(kind, context)
        assert actual_status == status and body.startswith('{"detail":"') and json.loads(body)["detail"]
        assert headers["X-Error-Code"] == code == json.loads(body).get("code", code)
        assert ("WWW-Authenticate" in headers) == (status == 401)
        assert ("Retry-After" in headers) == (status in (429, 503))


def test_page_of_the_web_origin_may_send_what_the_api_reads() -> None:
    headers = TEMPLATE.preflight(WEB)
    methods = {route.method for route in TEMPLATE.routes}
    assert set(headers["Access-Control-Allow-Methods"].split(",")) == methods
    sent = {"Authorization", "Content-Type", "Idempotency-Key", "X-App-Version"}
    assert set(headers["Access-Control-Allow-Headers"].split(",")) == sent
    assert headers["Access-Control-Allow-Origin"] == WEB


def test_preflights_need_no_token() -> None:
    assert API["Auth"]["AddDefaultAuthorizerToCorsPreflight"] is False


@pytest.mark.parametrize("kind", GATEWAY_RESPONSES)
def test_page_of_the_web_origin_may_read_every_response_of_the_gateway(kind: str) -> None:
    _, headers, _ = TEMPLATE.gateway_response(kind, {}, WEB)
    assert headers["Access-Control-Allow-Origin"] == WEB
    assert headers["Access-Control-Expose-Headers"] == EXPOSED_HEADERS


def test_without_a_web_origin_no_page_is_allowed() -> None:
    """Nobody can have a name below .invalid."""
    nobody = "https://web-origin.invalid"
    assert TEMPLATE.preflight("")["Access-Control-Allow-Origin"] == nobody
    for kind in GATEWAY_RESPONSES:
        assert TEMPLATE.gateway_response(kind, {})[1]["Access-Control-Allow-Origin"] == nobody


def test_responses_of_the_gateway_and_of_functions_read_the_same() -> None:
    for kind, error in (
        ("UNAUTHORIZED", errors.NotAuthenticated()),
        ("AUTHORIZER_CONFIGURATION_ERROR", errors.ServiceUnavailable()),
        ("AUTHORIZER_FAILURE", errors.ServiceUnavailable()),
        ("MISSING_AUTHENTICATION_TOKEN", errors.NotFound()),
        ("THROTTLED", errors.Throttled(1)),
    ):
        status, headers, body = TEMPLATE.gateway_response(kind)
        assert (status, headers["X-Error-Code"], json.loads(body)) == (error.status, error.code, error.body)
        assert headers.get("Retry-After") == (error.retry_after_s and str(error.retry_after_s))


def test_refusal_is_final_for_as_long_as_it_is_reused() -> None:
    for authorizer in API["Auth"]["Authorizers"].values():
        assert authorizer["Identity"]["ReauthorizeEvery"] == auth.RESULT_CACHED_S


@pytest.mark.parametrize(
    "url", ["http://issuer.example/keys", "file:///etc/passwd", "issuer.example", "http://127.0.0.1.example/"]
)
@pytest.mark.parametrize("parameter", ["JwksUrl", "StaffJwksUrl"])
def test_issuers_keys_are_deployed_with_tls_only(parameter: str, url: str) -> None:
    pattern = TEMPLATE.document["Parameters"][parameter]["AllowedPattern"]
    assert re.fullmatch(pattern, "https://issuer.example/.well-known/jwks.json") and re.fullmatch(pattern, "")
    assert not re.fullmatch(pattern, url)


def test_only_forms_reach_functions_as_base64() -> None:
    """Other bodies stay text: a webhook's signature is over the bytes as Razorpay sent them."""
    assert TEMPLATE.binary_media_types == [MEDIA_TYPE]
    assert API["BinaryMediaTypes"] == [MEDIA_TYPE.replace("/", "~1")]  # as SAM and CloudFormation want it


def test_gateway_and_function_refuse_a_large_form_with_the_same_words() -> None:
    assert json.loads(TEMPLATE.gateway_response("REQUEST_TOO_LARGE")[2]) == {"detail": FORM_TOO_LARGE}


def test_largest_form_fits_into_an_event_of_lambda() -> None:
    assert PHOTO.body_bytes_max * 4 / 3 < EVENT_BYTES_MAX - EVENT_OVERHEAD_BYTES


def encoded(path: str) -> str:
    """A path as MethodSettings writes it."""
    return f"/~1{path[1:].replace('/', '~1')}"


def throttle(method: str, path: str) -> dict[str, Any]:
    settings = [setting for setting in API["MethodSettings"] if setting["HttpMethod"] == method]
    (setting,) = [setting for setting in settings if setting["ResourcePath"] == encoded(path)]
    return dict(setting)


@pytest.mark.parametrize(
    "route", [route for route in TEMPLATE.routes if route.method == "POST"], ids=lambda route: route.path
)
def test_post_route_has_its_own_throttle(route: Any) -> None:
    if route.path.endswith("/set_default"):
        return  # it creates nothing, and repeating it changes nothing
    assert 0 < throttle(route.method, route.path)["ThrottlingRateLimit"] <= 50


def test_every_throttle_belongs_to_a_route() -> None:
    routes = {(route.method, encoded(route.path)) for route in TEMPLATE.routes} | {("*", "/*")}
    for setting in API["MethodSettings"]:
        assert (setting["HttpMethod"], setting["ResourcePath"]) in routes
        assert setting["ThrottlingBurstLimit"] >= setting["ThrottlingRateLimit"] and not setting.get("MetricsEnabled")
