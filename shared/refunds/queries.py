"""What a customer may read of refunds: those of their own payments."""

from shared.payments.models import get_or_404 as get_payment_or_404
from shared.refunds import models
from shared.refunds.models import Refund


def list_refunds(customer: str, payment_id: str) -> list[Refund]:
    """The refunds of the customer's payment, newest first."""
    return models.list_refunds(get_payment_or_404(customer, payment_id).id)


def retrieve(customer: str, payment_id: str, refund_id: str) -> Refund:
    return models.get_or_404(get_payment_or_404(customer, payment_id).id, refund_id)
