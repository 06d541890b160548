"""Razorpay's refusals, as errors for the app."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import Conflict, ServiceUnavailable
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import UnexpectedPayload


@contextmanager
def translate_rejections(text: str) -> Iterator[None]:
    """Turn a rejection into a 409 with this text, and a malformed response into a 503."""
    try:
        yield
    except RazorpayRejected:
        # Not a 503: Razorpay has decided and would say the same again. Not a 400: nothing in the request is wrong.
        # The payment stays as it is. Its webhook or the reconciler may still bring it to an end.
        raise Conflict(text, code="gateway_refused") from None
    except UnexpectedPayload:
        raise ServiceUnavailable from None
