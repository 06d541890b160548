"""Endpoints: a route with its field tables, around a view that takes a `Request` and returns a `Response`.

endpoint = Endpoint(route=("GET", "/api/payments/payments/{id}"), responses={200: PaymentBody}, errors=(NotFound,))

@endpoint
def handler(request: Request) -> Response:
    return Response(200, …)
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typing_extensions import TypeAliasType

from shared.errors import (
    ApiError,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    UnsupportedMediaType,
    ValidationError,
)
from shared.http import fields
from shared.http.body import parse_json, read_body
from shared.http.caller import customer_of, has_expired, phone_of, staff_of
from shared.http.handler import Handler
from shared.http.messages import NOBODY, Request, Response, Staff

if TYPE_CHECKING:
    from shared.http.multipart import FileField

__all__ = ["Endpoint", "Request", "Response"]

BODY_BYTES_MAX = 64 * 1024
RAW_BODY_BYTES_MAX = 256 * 1024
DRY_RUN = fields.Boolean(description="With true, answer what the call would, and change nothing.")
TEXT_ID = re.compile(r"[ -~]{1,255}")


@dataclass(kw_only=True, eq=False, repr=False)
class Endpoint:
    """One route and its aliases, with field tables for the input and types for the output.

    `public` endpoints need no customer, those with `staff` need somebody of one of these groups, `raw_body` ones get
    their bytes unread, `partial` ones may leave out any field, `idempotent` ones read the Idempotency-Key header,
    `paginated` ones return a `Page` of what `responses` says, and `polled` ones say in Retry-After when to ask again.
    Ones with `dry_run` take `?dry_run=true`, and their views must then change nothing. Path ids are UUIDs, or with
    `text_ids` any printable ASCII. Ones with a `file` also take a form with that file, in place of the JSON body. The
    paths of ones with `actions` end in a verb each, and none is an alias of another. The path id of ones
    `about_customer` is a customer's, of which the log has the pseudonym alone.
    """

    route: tuple[str, ...]  # the method, the path, then the path's aliases
    responses: Mapping[int, type | TypeAliasType | None]  # the type of each status' body; None has no body
    body: fields.Fields | None = None
    file: "FileField | None" = None
    query: fields.Fields = field(default_factory=dict)
    errors: tuple[type[ApiError], ...] = ()
    public: bool = False
    staff: tuple[str, ...] = ()
    paginated: bool = False
    polled: bool = False
    partial: bool = False
    idempotent: bool = False
    dry_run: bool = False
    raw_body: bool = False
    text_ids: bool = False
    actions: bool = False
    about_customer: bool = False

    @property
    def method(self) -> str:
        return self.route[0]

    @property
    def paths(self) -> tuple[str, ...]:
        return self.route[1:]

    @property
    def query_fields(self) -> fields.Fields:
        return {**self.query, "dry_run": DRY_RUN} if self.dry_run else self.query

    def __call__(self, view: Callable[[Request], Response]) -> Handler:
        return Handler(self, view)

    def read_request(self, event: Mapping[str, Any], path: Mapping[str, str]) -> Request:
        """Check the event in Django's order: the customer first, then the body's size, path, query and fields."""
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        customer, staff = self._caller(event)
        content_type = headers.get("content-type", "")
        form_file = None
        if self.file:
            from shared.http import multipart  # no other function loads it

            form_file = self.file if multipart.is_form(content_type) else None
        if form_file:
            raw_body = read_body(event, form_file.body_bytes_max, form_file.too_large)
        else:
            raw_body = read_body(event, RAW_BODY_BYTES_MAX if self.raw_body else BODY_BYTES_MAX)
        query_text = {name: str(value) for name, value in (event.get("queryStringParameters") or {}).items()}
        return Request(
            customer=customer,
            staff=staff,
            path={name: self._id_or_404(value) for name, value in path.items()},
            query=self._validated_query(query_text),
            body={} if form_file else self._validated_body(raw_body, content_type),
            file=form_file.read(multipart.parse_form(raw_body, content_type)) if form_file else None,
            headers=headers,
            raw_body=raw_body,
            url=_url(event, headers),
            query_text=query_text,
            phone=phone_of(event),
        )

    def _caller(self, event: Mapping[str, Any]) -> tuple[str, Staff]:
        """The customer or the member of staff, whichever the endpoint is for; the other one is empty."""
        customer, staff = customer_of(event), staff_of(event)
        if self.public:
            return "", NOBODY
        if not (staff.id if self.staff else customer):
            raise NotAuthenticated
        if has_expired(event):
            raise NotAuthenticated("The access token has expired.", "token_expired")
        if self.staff and not set(self.staff) & set(staff.groups):
            raise PermissionDenied
        return customer, staff

    def _validated_query(self, query_text: Mapping[str, str]) -> dict[str, Any]:
        if self.dry_run and query_text.get("dry_run") == "":  # no filter, whose empty value would count as absent
            raise ValidationError({"dry_run": ["Must be a valid boolean."]})
        return fields.validate_query(self.query_fields, query_text)

    def _id_or_404(self, text: str) -> str:
        found = text if self.text_ids and TEXT_ID.fullmatch(text) else fields.uuid_from(text)
        if found is None:
            raise NotFound
        return found

    def _validated_body(self, raw_body: bytes, content_type: str) -> dict[str, Any]:
        if self.body is None or self.raw_body:
            return {}
        if not raw_body:
            return fields.validate(self.body, {}, self.partial)
        if content_type.split(";")[0].strip().lower() != "application/json":
            raise UnsupportedMediaType(content_type)
        return fields.validate(self.body, parse_json(raw_body), self.partial)


def _url(event: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """The absolute URL without its query; the request context's path includes the stage."""
    path = (event.get("requestContext") or {}).get("path") or event.get("path") or ""
    path = path if path.endswith("/") else f"{path}/"
    return f"{headers.get('x-forwarded-proto', 'https')}://{headers.get('host', '')}{path}"
