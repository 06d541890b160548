"""Five customers, each with a story, made through the API as the app would make it."""

import json
import struct
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 30
DONE = "seeded"  # in the state's folder: the stories are made once
PHOTO_PX = (480, 320)


class App:
    """A customer's app.

    A request with a `key` has it in its Idempotency-Key, so that a second run, after one that failed, gets its first
    answer. What has none happens again: saved methods, the photo, and what the stand-in does on command.
    """

    def __init__(self, api: str, razorpay: str, customer: dict[str, str]) -> None:
        self.api, self.razorpay, self.customer = api, razorpay, customer

    def post(self, path: str, body: dict[str, Any], key: str = "") -> Any:
        headers = {"Authorization": f"Bearer {self.customer['token']}"}
        if key:
            headers["Idempotency-Key"] = f"seed-{key}"
        return _post(f"{self.api}/api/{path}", body, headers)

    def control(self, action: str, body: dict[str, Any]) -> Any:
        return _post(f"{self.razorpay}/_control/{action}", body, {})

    def pay(self, payment: dict[str, Any]) -> dict[str, Any]:
        """Pay in checkout and verify, as the app does; returns what checkout returned."""
        checkout: dict[str, Any] = self.control("pay", {"order_id": payment["gateway_order_id"]})
        self.post(f"payments/payments/{payment['id']}/verify/", checkout)
        return checkout

    def order(self, amount: str, reference: str) -> dict[str, Any]:
        body = {"amount": amount, "source": "gateway", "reference": reference}
        payment: dict[str, Any] = self.post("payments/payments/", body, reference)
        return payment


def _rich(app: App) -> None:
    app.pay(app.post("payments/wallets/add-money/", {"amount": "1500.00"}, "top-up"))
    body = {"amount": "250.00", "source": "wallet", "reference": "order-1041"}
    app.post("payments/payments/", body, "order-1041")
    app.post("payments/payment-methods/", {"type": "upi", "upi_id": "asha@okhdfcbank", "is_default": True})
    card = {"card_last4": "4242", "card_brand": "Visa", "card_expiry_month": 12, "card_expiry_year": 2030}
    app.post("payments/payment-methods/", {"type": "card", "nickname": "Salary account", **card})
    photo = png(*PHOTO_PX)
    created = app.post("mobile/upload-image/?method=put", {"content_type": "image/png", "size_bytes": len(photo)})
    upload = created["upload"]
    request = urllib.request.Request(upload["url"], data=photo, headers=upload["headers"], method="PUT")
    urllib.request.urlopen(request, timeout=TIMEOUT_S).close()


def _new(app: App) -> None:
    """Nothing happened yet."""


def _pending(app: App) -> None:
    payment = app.post("payments/wallets/add-money/", {"amount": "300.00"}, "top-up")
    app.control("pay", {"order_id": payment["gateway_order_id"], "outcome": "pending"})


def _refunded(app: App) -> None:
    payment = app.order("499.00", "order-1042")
    checkout = app.pay(payment)
    app.control("refund", {"payment_id": checkout["razorpay_payment_id"], "amount": 19_900})


def _in_review(app: App) -> None:
    payment = app.order("799.00", "order-1043")
    app.pay(payment)
    app.control("double_pay", {"order_id": payment["gateway_order_id"]})


@dataclass(frozen=True)
class Seed:
    name: str
    id: str
    number: int
    story: str
    make: Callable[[App], None]

    @property
    def phone(self) -> str:
        return f"+91900000000{self.number}"


SEEDS = (
    Seed(
        "Asha",
        "a5a00000-0000-4000-8000-000000000001",
        1,
        "has 1,250.00, two methods and a photo",
        _rich,
    ),
    Seed("Bilal", "b11a0000-0000-4000-8000-000000000002", 2, "is new", _new),
    Seed("Chitra", "c4174000-0000-4000-8000-000000000003", 3, "has a top-up pending", _pending),
    Seed("Dev", "de000000-0000-4000-8000-000000000004", 4, "was refunded a part of an order", _refunded),
    Seed("Esha", "e54a0000-0000-4000-8000-000000000005", 5, "paid an order twice: in review", _in_review),
)


def make_stories(state: Path, api: str, razorpay: str, customers: list[dict[str, str]]) -> str:
    """Make what is not made yet. Return the reason of a failure, or an empty string."""
    if (state / DONE).exists():
        return ""
    try:
        for seed, customer in zip(SEEDS, customers, strict=True):
            seed.make(App(api, razorpay, customer))
    except urllib.error.HTTPError as error:
        return f"{error.url} answered {error.code}: {error.read().decode('utf-8', 'replace')}"
    except (OSError, KeyError) as error:
        return f"{type(error).__name__}: {error}"
    (state / DONE).write_text("")
    return ""


def _post(url: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
        return json.loads(response.read())


def png(width_px: int, height_px: int) -> bytes:
    """A picture of a striped garment."""
    rows = bytearray()
    for y in range(height_px):
        rows.append(0)
        for x in range(width_px):
            is_stripe = (x + y) // 24 % 2
            rows += bytes((200 - x // 8, 60 + y // 4, 90) if is_stripe else (245, 238 - y // 8, 225))
    header = struct.pack("!IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
