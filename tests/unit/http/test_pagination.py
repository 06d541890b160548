"""Lists come in pages of 20, in Django REST framework's envelope."""

import json
from typing import Any

import pytest

from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from tests.support.lambda_events import LambdaContext, request_event


def page_of(count: int, query: dict[str, str]) -> tuple[int, Any]:
    """The status and body for a page of the numbers below `count`."""

    def view(request: Request) -> Response:
        rows = [{"number": number} for number in range(count)]
        return Response(200, paginate(request, count, lambda offset, limit: rows[offset : offset + limit]))

    handler = Endpoint(route=("GET", "/api/x"), responses={200: {}}, paginated=True)(view)
    response = handler(request_event("GET", query=query), LambdaContext())
    return response["statusCode"], json.loads(response["body"])


def test_page_links_keep_the_other_keys_sorted() -> None:
    _, first = page_of(45, {"type": "card"})
    assert (first["count"], first["previous"], len(first["results"])) == (45, None, 20)
    assert first["next"] == "https://api.test/api/x/?page=2&type=card"
    _, second = page_of(45, {"page": "2", "type": "card", "a": "b c"})
    assert second["next"] == "https://api.test/api/x/?a=b+c&page=3&type=card"
    assert second["previous"] == "https://api.test/api/x/?a=b+c&type=card"
    _, last = page_of(45, {"page": "last"})
    assert (last["next"], [row["number"] for row in last["results"]]) == (None, [40, 41, 42, 43, 44])


def test_lone_surrogate_in_the_query_is_linked_as_it_came() -> None:
    status, body = page_of(21, {"q": "\ud800"})
    assert (status, body["next"]) == (200, "https://api.test/api/x/?page=2&q=%ED%A0%80")


@pytest.mark.parametrize("page", ["0", "-1", "4", "abc", "1.0", "9" * 5_000])
def test_missing_page_is_404(page: str) -> None:
    assert page_of(45, {"page": page}) == (404, {"detail": "Invalid page."})


def test_first_page_of_an_empty_list_is_200() -> None:
    assert page_of(0, {"page": "1"}) == (200, {"count": 0, "next": None, "previous": None, "results": []})


def test_twenty_rows_are_one_page() -> None:
    _, page = page_of(20, {})
    assert (page["next"], len(page["results"])) == (None, 20)
    assert page_of(20, {"page": "2"}) == (404, {"detail": "Invalid page."})


@pytest.mark.parametrize("count", [41, 59, 60, 61, 100])
def test_pages_together_are_the_list(count: int) -> None:
    """Every page but the last has 20 rows."""
    pages, query = [], {"page": "1"}
    while query:
        _, body = page_of(count, query)
        pages.append([row["number"] for row in body["results"]])
        query = {"page": str(len(pages) + 1)} if body["next"] else {}
    assert [len(page) for page in pages[:-1]] == [20] * (len(pages) - 1)
    assert sum(pages, []) == list(range(count))
