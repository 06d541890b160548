"""GET /api/staff/payments/{id}/disputes/{did}/evidence/: what is known about a disputed payment, for the bank."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.evidence import get_evidence
from shared.staff.evidence_serializers import EvidenceBody, serialize_evidence
from shared.staff.groups import ALLOWED

endpoint = Endpoint(
    route=("GET", "/api/staff/payments/{id}/disputes/{did}/evidence"),
    staff=ALLOWED["read"],
    text_ids=True,
    responses={200: EvidenceBody},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Response:
    return Response(200, serialize_evidence(get_evidence(request.path["id"], request.path["did"])))
