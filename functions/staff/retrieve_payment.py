"""GET /api/staff/payments/{id}/: one payment of any customer, with everything that happened to it."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED
from shared.staff.payment_record import get_record
from shared.staff.serializers import PAYMENT_QUERY, StaffPaymentBody, serialize_staff_payment

endpoint = Endpoint(
    route=("GET", "/api/staff/payments/{id}"),
    staff=ALLOWED["read"],
    text_ids=True,
    query=PAYMENT_QUERY,
    responses={200: StaffPaymentBody},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Response:
    record = get_record(request.path["id"], asks_gateway=request.query.get("gateway") is True)
    return Response(200, serialize_staff_payment(record))
