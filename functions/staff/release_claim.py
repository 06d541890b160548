"""POST /api/staff/customers/{id}/release/: end a customer's claim on a customer and a contact at Razorpay."""

from shared.desk.actions import release_claim
from shared.desk.serializers import REASON_FIELDS, ReleasedBody
from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/staff/customers/{id}/release"),
    staff=ALLOWED["release"],
    text_ids=True,
    about_customer=True,
    body=REASON_FIELDS,
    responses={200: ReleasedBody},
    errors=(NotFound, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    customer = request.path["id"]
    released = release_claim(request.staff.id, customer, request.body["reason"])
    log.count("ClaimReleased")
    return Response(200, {"customer": customer, "gateway_customer": released})
