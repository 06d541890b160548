"""Everything that can go wrong for a caller, as exceptions that carry their answer.

    Failure                      status, code and text of the answer
    ├── Invalid            400   {field: [text]}, all bad fields at once
    ├── Malformed          400   the body cannot be read
    ├── SignatureInvalid   400   a checkout signature that is not the gateway's
    ├── InsufficientFunds  400   the wallet holds less than the amount
    ├── NotAuthenticated   401   no customer, or a webhook without a valid signature
    ├── NotFound           404   not there, or another customer's: the two look the same
    ├── Conflict           409   refused as things stand, nothing was changed
    ├── TooLarge           413   the body is over the limit
    ├── UnsupportedMedia   415   the body is not JSON
    ├── Throttled          429   too much at once, with the time after which it is not
    └── Unavailable        503   something we depend on is away; the same request may be sent again

The answer's body is Django REST framework's: `{field: [text]}` for fields, `{"detail", "code"}` for the rest.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class Failure(Exception):
    """The base: catching it catches everything that has an answer."""

    status = 500
    code = "error"
    text = "A server error occurred."
    retry_after_s: int | None = None

    def __init__(self, text: str | None = None, code: str | None = None) -> None:
        super().__init__(text or self.text)
        self.text = text or self.text
        self.code = code or self.code

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.text, "code": self.code}


class Invalid(Failure):
    """Bad fields: `Invalid({"amount": ["A valid number is required."]})`."""

    status = 400
    code = "invalid"
    text = "Invalid input."

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.fields = {name: list(texts) for name, texts in fields.items()}

    @property
    def body(self) -> dict[str, Any]:
        return self.fields


class Malformed(Failure):
    status = 400
    code = "parse_error"
    text = "Malformed request."

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.text}  # as Django answers it: no code


class SignatureInvalid(Failure):
    status = 400
    code = "signature_invalid"
    text = "The payment signature is not valid."


class InsufficientFunds(Failure):
    status = 400
    code = "insufficient_funds"
    text = "The wallet balance is not enough for this payment."


class NotAuthenticated(Failure):
    status = 401
    code = "not_authenticated"
    text = "Authentication credentials were not provided."

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.text}


class NotFound(Failure):
    """`NotFound("Wallet")` names the kind that was looked for; `NotFound()` says only that nothing is there."""

    status = 404
    code = "not_found"
    text = "Not found."

    def __init__(self, kind: str | None = None, text: str | None = None) -> None:
        super().__init__(text or (f"No {kind} matches the given query." if kind else None))

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.text}


class Conflict(Failure):
    status = 409
    code = "conflict"
    text = "The request conflicts with what is stored."


class TooLarge(Failure):
    status = 413
    code = "too_large"
    text = "The request body is too large."


class UnsupportedMedia(Failure):
    status = 415
    code = "unsupported_media_type"

    def __init__(self, media_type: str) -> None:
        super().__init__(f'Unsupported media type "{media_type}" in request.')

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.text}


class Throttled(Failure):
    status = 429
    code = "throttled"

    def __init__(self, retry_after_s: int) -> None:
        seconds = "second" if retry_after_s == 1 else "seconds"
        super().__init__(f"Request was throttled. Expected available in {retry_after_s} {seconds}.")
        self.retry_after_s = retry_after_s

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.text}


class Unavailable(Failure):
    """Nothing is known to have failed for good; what was started is finished by a retry or the reconciler."""

    status = 503
    code = "unavailable"
    text = "A service that this needs is not answering. Please try again."
    retry_after_s = 2
