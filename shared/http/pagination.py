"""Lists in pages, in Django REST framework's envelope."""

import re
from collections.abc import Callable
from typing import Generic, TypeVar
from urllib.parse import urlencode

from typing_extensions import TypedDict

from shared.errors import NotFound
from shared.http.formats import Uri
from shared.http.messages import Request

PAGE_ROWS = 20

Row = TypeVar("Row")


class Page(TypedDict, Generic[Row]):
    count: int
    next: Uri | None
    previous: Uri | None
    results: list[Row]


def paginate(request: Request, count: int, rows: Callable[[int, int], list[Row]]) -> Page[Row]:
    """The requested page of `count` rows; `rows(offset, limit)` reads the page's rows."""
    last = max((count + PAGE_ROWS - 1) // PAGE_ROWS, 1)
    requested = request.query_text.get("page") or "1"
    page = last if requested == "last" else int(requested) if re.fullmatch(r"[0-9]{1,9}", requested) else 0
    if not 1 <= page <= last:
        raise NotFound(text="Invalid page.")

    def link(number: int) -> str:
        query = {name: value for name, value in request.query_text.items() if name != "page"}
        query |= {"page": str(number)} if number > 1 else {}
        return request.url + (f"?{urlencode(sorted(query.items()), errors='surrogatepass')}" if query else "")

    return {
        "count": count,
        "next": link(page + 1) if page < last else None,
        "previous": link(page - 1) if page > 1 else None,
        "results": rows((page - 1) * PAGE_ROWS, PAGE_ROWS),
    }
