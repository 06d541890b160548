"""GET /api/payments/wallets/{id}/transactions/: the wallet's rows, newest first, filtered and in pages."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from shared.transactions.rows import Transactions
from shared.transactions.serializers import FILTERS, TransactionBody, serialize_transaction

endpoint = Endpoint(
    route=("GET", "/api/payments/wallets/{id}/transactions", "/api/payments/wallets/transactions"),
    query=FILTERS,
    paginated=True,
    responses={200: TransactionBody},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Response:
    transactions = Transactions(request.customer, request.path.get("id"), request.query)

    def rows(offset: int, limit: int) -> list[TransactionBody]:
        return [serialize_transaction(row) for row in transactions.page(offset, limit)]

    return Response(200, paginate(request, transactions.count, rows))
