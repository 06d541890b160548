"""The addresses of the pages."""

import json

import pytest

from local.web import SERVICE, STAND_IN, TYPES, page

BROWSER, CURL = "text/html,application/xhtml+xml", "*/*"


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
