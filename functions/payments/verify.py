"""POST /api/payments/payments/{id}/verify/: settle by what the app got from checkout; 202 while not yet captured."""

from shared import payments, telemetry
from shared.errors import Conflict, NotFound, SignatureInvalid, Unavailable
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(
    route=("POST", "/api/payments/payments/{id}/verify"),
    body=payments.VERIFY_FIELDS,
    answers={200: payments.MOVED, 202: payments.MOVED},
    errors=(SignatureInvalid, NotFound, Conflict, Unavailable),
)


@endpoint
def handler(request: Request) -> Answer:
    settled = payments.verify(request.customer, request.path["id"], request.body, request.deadline_us)
    telemetry.count_each(settled.counts)
    return Answer(202 if settled.is_pending else 200, settled.answer())
