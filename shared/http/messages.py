"""What a view takes and what it returns; `shared.http.endpoint` exports both to the functions."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.errors import ValidationError

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Staff(NamedTuple):
    """A member of staff, with those of our groups that their token names."""

    id: str
    groups: tuple[str, ...]


NOBODY = Staff("", ())


class Request(NamedTuple):
    """An authenticated request: `customer` is empty if `staff` sent it. `query` and `body` passed the field tables.

    `phone` is the customer's number if their token proves it, +91 and ten digits; otherwise it is empty.
    `file` holds the bytes of the file, if the request is a form.
    """

    customer: str
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: dict[str, Any]
    headers: Mapping[str, str]
    raw_body: bytes
    url: str
    query_text: Mapping[str, str]
    phone: str = ""
    file: bytes | None = None
    staff: Staff = NOBODY

    @property
    def dry_run(self) -> bool:
        """Whether to answer only, and to change nothing."""
        return self.query.get("dry_run", False) is True

    @property
    def verb(self) -> str:
        """The last part of the path. It tells the actions of an endpoint apart."""
        return self.url.rstrip("/").rpartition("/")[2]

    @property
    def idempotency_key(self) -> str | None:
        key = self.headers.get("idempotency-key")
        if key is None:
            return None
        if not IDEMPOTENCY_KEY.fullmatch(key):
            raise ValidationError({"Idempotency-Key": ["Use 1 to 255 printable ASCII characters without spaces."]})
        return key


class Response(NamedTuple):
    """Status and JSON body; None leaves the body empty.

    `replayed` marks the repetition of an earlier response to the same Idempotency-Key. `log_id` is the id for the
    log line when neither the path nor the body has one.
    """

    status: int
    body: Any = None
    replayed: bool = False
    log_id: str = ""
    retry_after_s: int | None = None  # when to ask again, for something unfinished
