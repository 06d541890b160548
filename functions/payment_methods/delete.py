"""DELETE /api/payments/payment-methods/{id}/: delete a saved method, here and at Razorpay; 204, then 404."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.payment_methods import methods

endpoint = Endpoint(
    route=("DELETE", "/api/payments/payment-methods/{id}", "/api/payments/saved-methods/{id}"),
    responses={204: None},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Response:
    methods.delete(request.customer, request.path["id"])
    return Response(204)
