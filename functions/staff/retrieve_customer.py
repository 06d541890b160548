"""GET /api/staff/customers/{id}/: a customer's wallet, payment methods, and payments that are recent or open."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.customer_record import get_customer
from shared.staff.customer_serializers import StaffCustomerBody, serialize_customer
from shared.staff.groups import ALLOWED

endpoint = Endpoint(
    route=("GET", "/api/staff/customers/{id}"),
    staff=ALLOWED["read"],
    text_ids=True,
    about_customer=True,
    responses={200: StaffCustomerBody},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Response:
    return Response(200, serialize_customer(get_customer(request.path["id"])))
