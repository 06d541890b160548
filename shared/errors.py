"""The API's errors: exceptions that carry their response.

    ApiError                   status, code and text of the response
    ├── ValidationError       400   {field: [text]}, all bad fields at once
    ├── ParseError            400   the body cannot be read
    ├── SignatureInvalid      400   a checkout signature that Razorpay did not make
    ├── InsufficientFunds     400   the wallet holds less than the amount
    ├── NotAuthenticated      401   no customer, or a webhook without a valid signature
    ├── WalletBlocked         403   the wallet is blocked for what its customer starts
    ├── PermissionDenied      403   the caller is known and may not do this
    ├── NotFound              404   missing, or owned by another customer: the two look the same
    ├── Conflict              409   refused in the current state; nothing was changed
    ├── PayloadTooLarge       413   the body is over the limit
    ├── UnsupportedMediaType  415   the body is not JSON
    ├── Throttled             429   too many requests; says when to retry
    ├── LimitReached          429   a limit of the customer's; its code names it, and it says when to retry
    └── ServiceUnavailable    503   a dependency is unavailable; the same request may be sent again

Bodies are Django REST framework's: `{field: [text]}` for fields, `{"detail"}` where it has an error of its own, and
`{"detail", "code"}` for the rest.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class ApiError(Exception):
    """The base class of every error that has a response."""

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


class ValidationError(ApiError):
    """Bad fields: `ValidationError({"amount": ["A valid number is required."]})`."""

    status = 400
    code = "invalid"
    text = "Invalid input."

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.fields = {name: list(texts) for name, texts in fields.items()}

    @property
    def body(self) -> dict[str, Any]:
        return self.fields


class ParseError(ApiError):
    status = 400
    code = "parse_error"
    text = "Malformed request."

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.text}  # as in Django REST framework, without a code


class SignatureInvalid(ApiError):
    status = 400
    code = "signature_invalid"
    text = "The payment signature is not valid."


class InsufficientFunds(ApiError):
    status = 400
    code = "insufficient_funds"
    text = "The wallet balance is too low for this payment."


class NotAuthenticated(ApiError):
    status = 401
    code = "not_authenticated"
    text = "Authentication credentials were not provided."

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.text}


class WalletBlocked(ApiError):
    status = 403
    code = "wallet_blocked"
    text = "This wallet is blocked. Please contact support."


class PermissionDenied(ApiError):
    """Django REST framework's, whose body has no code. A reason with a code of its own puts it into the body."""

    status = 403
    code = "permission_denied"
    text = "You do not have permission to perform this action."

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.text} | ({"code": self.code} if self.code != PermissionDenied.code else {})


class NotFound(ApiError):
    """`NotFound("Wallet")` names the kind of object in its text; `NotFound()` does not."""

    status = 404
    code = "not_found"
    text = "Not found."

    def __init__(self, kind: str | None = None, text: str | None = None) -> None:
        super().__init__(text or (f"No {kind} matches the given query." if kind else None))

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.text}


class Conflict(ApiError):
    status = 409
    code = "conflict"
    text = "The request conflicts with what is stored."


class PayloadTooLarge(ApiError):
    status = 413
    code = "too_large"
    text = "The request body is too large."


class UnsupportedMediaType(ApiError):
    status = 415
    code = "unsupported_media_type"

    def __init__(self, media_type: str) -> None:
        super().__init__(f'Unsupported media type "{media_type}" in request.')

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.text}


class Throttled(ApiError):
    status = 429
    code = "throttled"

    def __init__(self, retry_after_s: int) -> None:
        seconds = "second" if retry_after_s == 1 else "seconds"
        super().__init__(f"Request was throttled. Expected available in {retry_after_s} {seconds}.")
        self.retry_after_s = retry_after_s

    @property
    def body(self) -> dict[str, Any]:
        return {"detail": self.text}


class LimitReached(ApiError):
    status = 429
    code = "limit_reached"
    text = "A limit is reached."

    def __init__(self, text: str, code: str, retry_after_s: int) -> None:
        super().__init__(text, code)
        self.retry_after_s = retry_after_s


class ServiceUnavailable(ApiError):
    """The outcome is unknown: a retry or the reconciler finishes what was started.

    `is_silence` says that Razorpay was asked and gave no answer of its own.
    """

    status = 503
    code = "unavailable"
    text = "The service is temporarily unavailable. Please try again."
    retry_after_s = 2

    def __init__(self, is_silence: bool = False) -> None:
        super().__init__()
        self.is_silence = is_silence
