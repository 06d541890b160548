"""POST /api/payments/payments/{id}/sync/: ask the gateway about a payment and settle what it says."""

from shared import payments, telemetry
from shared.errors import Conflict, NotFound, Unavailable
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(
    route=("POST", "/api/payments/payments/{id}/sync"),
    answers={200: payments.MOVED, 202: payments.MOVED},
    errors=(NotFound, Conflict, Unavailable),
)


@endpoint
def handler(request: Request) -> Answer:
    settled = payments.sync(request.customer, request.path["id"], request.deadline_us)
    telemetry.count_each(settled.counts)
    return Answer(202 if settled.is_pending else 200, settled.answer())
