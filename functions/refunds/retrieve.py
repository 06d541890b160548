"""GET /api/payments/payments/{id}/refunds/{rid}/: one refund of a payment."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.refunds.queries import retrieve
from shared.refunds.serializers import RefundBody, serialize_refund

endpoint = Endpoint(
    route=("GET", "/api/payments/payments/{id}/refunds/{rid}"), responses={200: RefundBody}, errors=(NotFound,)
)


@endpoint
def handler(request: Request) -> Response:
    return Response(200, serialize_refund(retrieve(request.customer, request.path["id"], request.path["rid"])))
