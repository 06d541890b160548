"""HTTP responses of the Razorpay stand-in, and the error that becomes a 4xx."""

import json
from typing import Any

Response = tuple[int, dict[str, str], bytes]  # status, headers, body

NO_SUCH_ID = "The id provided does not exist"
NO_SUCH_URL = "The requested URL was not found on the server."
IN_PROGRESS = "Another request with the same idempotency key is still in progress."


class Rejected(Exception):
    """A 4xx in Razorpay's shape; `extra` replaces fields of the error object."""

    def __init__(self, description: str, status: int = 400, **extra: Any) -> None:
        super().__init__(description)
        self.status = status
        self.body = {
            "error": {
                "code": "BAD_REQUEST_ERROR",
                "description": description,
                "source": "business",
                "step": "payment_initiation",
                "reason": "input_validation_failed",
                "metadata": {},
                **extra,
            }
        }

    @property
    def response(self) -> Response:
        return json_response(self.status, self.body)


def unknown_url() -> Rejected:
    return Rejected(NO_SUCH_URL, source="NA", step="NA", reason="NA")


def json_response(status: int, body: Any) -> Response:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()
