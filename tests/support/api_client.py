"""The mobile app as the backend sees it: a customer with a bearer token who calls the API."""

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import requests

from tests.support.api_document import response_violations

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.local_stack import LocalStack

API = "/api/payments"
UPLOAD, IMAGES = "/api/mobile/upload-image/", "/api/mobile/images/"


def new_contact() -> str:
    """A phone number that no other test has."""
    return f"+919{secrets.randbelow(10**9):09}"


class App:
    """The app on one customer's phone, with its own connection."""

    def __init__(self, stack: "LocalStack", customer: dict[str, str] | None = None, phone: str | None = None) -> None:
        """`phone` is the number that the customer's token proves, by default one of their own; "" proves none."""
        self.stack = stack
        self.phone = new_contact() if phone is None else phone
        self.customer = customer or stack.new_customer(self.phone)
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {self.customer['token']}"

    def another_phone(self) -> "App":
        """The same customer's app with another connection."""
        return App(self.stack, self.customer, self.phone)

    def call(
        self, method: str, path: str, body: Any = None, key: str | None = None, **more: Any
    ) -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        path = path if path.startswith("/api/") else f"{API}{path}"
        response = self.session.request(
            method, f"{self.stack.api}{path}", json=body, headers=headers, timeout=60, **more
        )
        self.stack.record(self.customer["id"], response)
        answered = response.json() if response.content else None
        assert response_violations(method, path, response.status_code, answered) == [], f"{method} {path}"
        return response

    def get(self, path: str) -> Any:
        response = self.call("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, body: Any = None, key: str | None = None, status: int = 201) -> Any:
        response = self.call("POST", path, body, key)
        assert response.status_code == status, response.text
        return response.json()

    # --- payments

    def add_money(self, amount: str = "500.00", key: str | None = None) -> dict[str, Any]:
        return dict(self.post("/wallets/add-money/", {"amount": amount}, key))

    def spend(self, amount: str, key: str) -> requests.Response:
        return self.call("POST", "/payments/", {"amount": amount, "source": "wallet"}, key)

    def pay(
        self, payment: dict[str, Any], outcome: str = "success", method: str = "upi", **choice: Any
    ) -> dict[str, str]:
        """Pay in Razorpay's checkout; returns the fields that it gives the app."""
        checkout = payment["checkout"]
        attempt = {"order_id": checkout["order_id"], "method": method, "outcome": outcome}
        attempt |= {"contact": checkout["prefill"].get("contact")}
        return dict(self.stack.control("pay", attempt | {"customer_id": checkout.get("customer_id")} | choice))

    def verify(self, payment: dict[str, Any], paid: dict[str, str]) -> requests.Response:
        return self.call("POST", f"/payments/{payment['id']}/verify/", paid)

    def top_up(self, amount: str = "500.00") -> dict[str, Any]:
        """Add money, pay it and verify; returns the payment as it was created."""
        payment = self.add_money(amount)
        response = self.verify(payment, self.pay(payment))
        assert response.status_code == 200, response.text
        return payment

    # --- photos

    def create_upload(self, content_type: str = "image/jpeg", method: str = "post", **body: Any) -> dict[str, Any]:
        return dict(self.post(f"{UPLOAD}?method={method}", {"content_type": content_type, **body}))

    @staticmethod
    def send(created: dict[str, Any], data: bytes, **fields: Any) -> requests.Response:
        """Upload to S3, without the app's bearer token; `fields` replace those of the form, None leaves one out."""
        upload = created["upload"]
        if upload["method"] == "PUT":
            return requests.put(upload["url"], data=data, headers=upload["headers"] | fields, timeout=60)
        form = {name: value for name, value in (upload["fields"] | fields).items() if value is not None}
        return requests.post(upload["url"], data=form, files={"file": ("photo", data)}, timeout=60)

    def photo(self, image_id: str) -> dict[str, Any]:
        return dict(self.get(f"{IMAGES}{image_id}/"))

    def wait_for_photo(self, image_id: str) -> dict[str, Any]:
        """Poll until the photo has its final status; returns the photo."""
        for _ in range(600):
            photo = self.photo(image_id)
            if photo["poll_after_ms"] is None:
                return photo
            time.sleep(0.05)
        raise AssertionError(f"the photo does not reach a final status: {photo}")

    def upload_photo(self, data: bytes, content_type: str = "image/jpeg") -> dict[str, Any]:
        """Create an upload, send the data and wait; returns the photo."""
        created = self.create_upload(content_type)
        assert self.send(created, data).status_code == 204
        return self.wait_for_photo(created["id"])

    # --- reads

    @property
    def balance(self) -> str:
        return str(self.get("/wallets/")["results"][0]["balance"])

    @property
    def wallet(self) -> tuple[str, str, str]:
        """What the wallet has, what of it is held, and what it owes."""
        (found,) = self.get("/wallets/")["results"]
        return found["balance"], found["held"], found["owed"]

    @property
    def transactions(self) -> list[dict[str, Any]]:
        return list(self.get("/wallets/transactions/")["results"])

    def status(self, payment: dict[str, Any]) -> str:
        return str(self.get(f"/payments/{payment['id']}/")["status"])

    def read_everything(self) -> list[Any]:
        """Everything that the API returns to the customer, without what changes with time."""
        payments = ("/wallets/", "/wallets/transactions/", "/payments/", "/payment-methods/")
        photos = self.get(IMAGES)["results"]
        changing = ("poll_after_ms", "variants")
        return [
            *(self.get(path) for path in payments),
            [{name: value for name, value in photo.items() if name not in changing} for photo in photos],
        ]


def at_once(acts: "list[Callable[[], Any]]") -> list[Any]:
    """Run all of them at the same time; returns their results in order."""
    with ThreadPoolExecutor(len(acts)) as threads:
        futures = [threads.submit(act) for act in acts]
        return [future.result() for future in futures]
