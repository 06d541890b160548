"""GET /api/staff/payments/{id}/: one payment of any customer, with everything that happened to it."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED
from shared.staff.records import get_record
from shared.staff.serializers import StaffPaymentBody, serialize_staff_payment

endpoint = Endpoint(
    route=("GET", "/api/staff/payments/{id}"),
    staff=ALLOWED["read"],
    text_ids=True,
    responses={200: StaffPaymentBody},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Response:
    return Response(200, serialize_staff_payment(get_record(request.path["id"])))
