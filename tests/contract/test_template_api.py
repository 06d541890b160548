"""Rules for the API in the template: authorizer, gateway responses and throttles."""

from typing import Any

import pytest

from tests.contract.test_template import API, TEMPLATE


def test_only_the_webhook_route_has_no_authorizer() -> None:
    assert [route.path for route in TEMPLATE.routes if route.is_open] == ["/api/payments/webhooks/razorpay"]
    assert TEMPLATE.authorizer == "Authorize"


def test_no_path_ends_in_a_slash() -> None:
    assert not [route.path for route in TEMPLATE.routes if route.path.endswith("/")]


def test_gateway_responses_have_the_shape_of_django() -> None:
    for kind, status in (
        ("UNAUTHORIZED", 401),
        ("ACCESS_DENIED", 403),
        ("MISSING_AUTHENTICATION_TOKEN", 404),
        ("REQUEST_TOO_LARGE", 413),
        ("THROTTLED", 429),
        ("DEFAULT_4XX", 400),
        ("DEFAULT_5XX", 500),
    ):
        actual_status, headers, body = TEMPLATE.gateway_response(kind)
        assert actual_status == status and body.startswith('{"detail":"')
        assert ("WWW-Authenticate" in headers) == (status == 401)
        assert ("Retry-After" in headers) == (status == 429)


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
