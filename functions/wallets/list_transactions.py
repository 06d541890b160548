"""GET /api/payments/wallets/{id}/transactions/: the wallet's entries, newest first, filtered and in pages."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from shared.wallets.history import list_transactions
from shared.wallets.serializers import FILTERS, TransactionBody, serialize_transaction

endpoint = Endpoint(
    route=("GET", "/api/payments/wallets/{id}/transactions", "/api/payments/wallets/transactions"),
    query=FILTERS,
    paginated=True,
    responses={200: TransactionBody},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Response:
    history = list_transactions(request.customer, request.path.get("id"), request.query)

    def rows(offset: int, limit: int) -> list[TransactionBody]:
        return [serialize_transaction(entry) for entry in history.page(offset, limit)]

    return Response(200, paginate(request, history.count, rows))
