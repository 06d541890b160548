"""The addresses of the pages, and what the pages ask about this machine."""

import json
from typing import Any

import pytest

from local.razorpay.fake import FakeRazorpay
from local.web import SERVICE, STAND_IN, TYPES, Backstage, page
from tests.support.fake_account import a_payment

BROWSER, CURL = "text/html,application/xhtml+xml", "*/*"


@pytest.fixture
def backstage(razorpay: FakeRazorpay) -> Backstage:
    return Backstage(
        razorpay, {"api": "", "razorpay": "", "customers": [], "staff": [], "key_secret": "s"}, "entries"
    )


def ask(backstage: Backstage, url: str, body: Any = None) -> tuple[int, Any]:
    status, _, payload = backstage.respond(url, json.dumps(body).encode() if body is not None else b"")
    return status, json.loads(payload)


@pytest.mark.parametrize(
    "addresses, address", [(SERVICE, url) for url in SERVICE] + [(STAND_IN, url) for url in STAND_IN]
)
def test_each_address_has_its_page(addresses: dict[str, str], address: str) -> None:
    found = page(f"{address}?x=1", BROWSER, addresses)
    assert found is not None and found[0] == 200 and found[1]["Content-Type"] in TYPES.values()


def test_curl_gets_no_page_at_the_root() -> None:
    assert page("/", CURL) is None and page("/", "") is None
    assert page("/docs", CURL) is not None


@pytest.mark.parametrize(
    "path", ["/pages/../web.py", "/pages/../../template.yaml", "/pages/phone", "/pages//etc/hosts"]
)
def test_files_outside_of_the_pages_are_not_served(path: str) -> None:
    assert page(path, BROWSER) is None


def test_openapi_document_is_served() -> None:
    found = page("/openapi.json", CURL)
    assert found is not None and json.loads(found[2])["openapi"].startswith("3.")


def test_ready_has_no_secret(backstage: Backstage) -> None:
    status, ready = ask(backstage, "/_pages/ready")
    assert status == 200 and set(ready) == {"api", "razorpay", "customers", "staff"}


def test_webhooks_come_newest_first(backstage: Backstage) -> None:
    a_payment(backstage.stand_in)
    _, webhooks = ask(backstage, "/_pages/webhooks")
    assert [webhook["event"] for webhook in webhooks] == ["order.paid", "payment.captured", "payment.authorized"]
    assert [(webhook["held"], webhook["status"]) for webhook in webhooks] == [(True, None)] * 3


def test_controls_are_passed_on_and_refusals_too(backstage: Backstage) -> None:
    assert ask(backstage, "/_pages/razorpay/hold", {"hold": False}) == (200, {"hold": False})
    assert ask(backstage, "/_pages/stand-in") == (200, {"holding": False, "faults": []})
    assert ask(backstage, "/_pages/razorpay/dance", {})[0] == 400


@pytest.mark.parametrize("url", ["/_pages/", "/_pages/unknown", "/_pages/entries"])
def test_unknown_question_is_a_400(backstage: Backstage, url: str) -> None:
    assert ask(backstage, url)[0] == 400
