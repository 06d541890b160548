"""The API's operations, read from the functions: their endpoints, docstrings and examples."""

import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from local.template import ROOT, Template

sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

from shared.http.endpoint import Endpoint  # noqa: E402
from shared.http.handler import Handler  # noqa: E402
from shared.http.pagination import Page  # noqa: E402

PAGE_EXAMPLE_ROWS = 2


@dataclass(frozen=True)
class Operation:
    """An endpoint under the logical id of its function."""

    name: str
    noun: str
    summary: str
    endpoint: Endpoint

    @property
    def bodies(self) -> dict[int, Any]:
        """The type of the body by status, None for an empty body."""
        is_page = self.endpoint.paginated
        return {status: Page[body] if is_page else body for status, body in self.endpoint.responses.items()}  # type: ignore[valid-type]

    def examples(self, status: int) -> Mapping[str, Any]:
        """The named examples of a response's body. That of a page has the first examples of its rows."""
        body = self.endpoint.responses[status]
        if body is None:
            return {}
        found = examples().get((body, status)) or examples().get(body)
        if found is None:
            raise LookupError(f"no examples.py has an example of {body.__name__}")
        if not self.endpoint.paginated:
            return found
        rows = list(found.values())[:PAGE_EXAMPLE_ROWS]
        return {"First": {"count": len(rows), "next": None, "previous": None, "results": rows}}


def operations() -> Iterator[Operation]:
    """All operations, in the template's order."""
    for function in Template().functions.values():
        module_name, _, name = function.handler.rpartition(".")
        module = importlib.import_module(module_name)
        handler = getattr(module, name)
        if isinstance(handler, Handler) and isinstance(handler.endpoint, Endpoint):  # others have no route
            doc = (inspect.getdoc(module) or "").partition(": ")[2].rstrip(".")
            noun = module_name.partition(".")[0]
            yield Operation(function.id, noun, doc[:1].upper() + doc[1:], handler.endpoint)


@cache
def examples() -> Mapping[Any, Mapping[str, Any]]:
    """The examples of all nouns: by type, or by type and status."""
    found: dict[Any, Mapping[str, Any]] = {}
    for path in sorted((ROOT / "shared").glob("*/examples.py")):
        found |= importlib.import_module(f"shared.{path.parent.name}.examples").EXAMPLES
    return found
