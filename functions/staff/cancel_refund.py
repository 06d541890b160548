"""POST /api/staff/payments/{id}/refunds/{rid}/cancel/: cancel a refund that was not sent to Razorpay yet."""

from shared.desk.serializers import REASON_FIELDS
from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.cancellations import cancel
from shared.staff.groups import ALLOWED
from shared.staff.refund_serializers import StaffRefundBody, serialize_staff_refund
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/staff/payments/{id}/refunds/{rid}/cancel"),
    staff=ALLOWED["request_refund"],
    body=REASON_FIELDS,
    responses={200: StaffRefundBody},
    errors=(NotFound, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    refund = cancel(request.staff.id, request.path["id"], request.path["rid"], request.body["reason"])
    log.count("RefundCancelled")
    return Response(200, serialize_staff_refund(refund))
