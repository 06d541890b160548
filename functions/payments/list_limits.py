"""GET /api/payments/limits/: how much may be added to the wallet now, and which rule binds."""

from shared.http.endpoint import Endpoint, Request, Response
from shared.payments.limits import LimitsBody, read_limits

endpoint = Endpoint(route=("GET", "/api/payments/limits"), responses={200: LimitsBody})


@endpoint
def handler(request: Request) -> Response:
    return Response(200, read_limits(request.customer))
