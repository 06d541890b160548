"""The phone app, as far as the backend sees it: a customer with a token who calls the API."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Bundle

API = "/api/payments"
UPLOAD, IMAGES = "/api/mobile/upload-image/", "/api/mobile/images/"


class App:
    """One customer's phone; a connection of its own, as each phone has."""

    def __init__(self, bundle: "Bundle", customer: dict[str, str] | None = None) -> None:
        self.bundle = bundle
        self.customer = customer or bundle.new_customer()
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {self.customer['token']}"

    def another_phone(self) -> "App":
        return App(self.bundle, self.customer)

    def call(
        self, method: str, path: str, body: Any = None, key: str | None = None, **more: Any
    ) -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        path = path if path.startswith("/api/") else f"{API}{path}"
        answer = self.session.request(
            method, f"{self.bundle.api}{path}", json=body, headers=headers, timeout=60, **more
        )
        self.bundle.heard(self.customer["id"], answer)
        return answer

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, key: str | None = None, status: int = 201) -> Any:
        answer = self.call("POST", path, body, key)
        assert answer.status_code == status, answer.text
        return answer.json()

    # --- what a person does

    def add_money(self, amount: str = "500.00", key: str | None = None) -> dict[str, Any]:
        return dict(self.post("/wallets/add-money/", {"amount": amount}, key))

    def spend(self, amount: str, key: str) -> requests.Response:
        return self.call("POST", "/payments/", {"amount": amount, "source": "wallet"}, key)

    def pay(
        self, payment: dict[str, Any], outcome: str = "success", method: str = "upi", **choice: Any
    ) -> dict[str, str]:
        """Pay in the gateway's checkout; what it gives the app."""
        checkout = payment["checkout"]
        sent = {"order_id": checkout["order_id"], "method": method, "outcome": outcome}
        return dict(self.bundle.control("pay", sent | {"customer_id": checkout.get("customer_id")} | choice))

    def verify(self, payment: dict[str, Any], paid: dict[str, str]) -> requests.Response:
        return self.call("POST", f"/payments/{payment['id']}/verify/", paid)

    def topped_up(self, amount: str = "500.00") -> dict[str, Any]:
        payment = self.add_money(amount)
        answer = self.verify(payment, self.pay(payment))
        assert answer.status_code == 200, answer.text
        return payment

    # --- photos, as the app sends and follows them

    def photo_ticket(self, content_type: str = "image/jpeg", method: str = "post", **body: Any) -> dict[str, Any]:
        return dict(self.post(f"{UPLOAD}?method={method}", {"content_type": content_type, **body}))

    @staticmethod
    def send(ticket: dict[str, Any], data: bytes, **fields: Any) -> requests.Response:
        """Straight to S3, without the app's token; `fields` of the form may be changed, or left out by None."""
        upload = ticket["upload"]
        if upload["method"] == "PUT":
            return requests.put(upload["url"], data=data, headers=upload["headers"] | fields, timeout=60)
        form = {name: value for name, value in (upload["fields"] | fields).items() if value is not None}
        return requests.post(upload["url"], data=form, files={"file": ("photo", data)}, timeout=60)

    def photo(self, image_id: str) -> dict[str, Any]:
        return dict(self.get(f"{IMAGES}{image_id}/"))

    def followed(self, image_id: str) -> dict[str, Any]:
        """The photo's end, asked for until it is there."""
        for _ in range(600):
            shown = self.photo(image_id)
            if shown["poll_after_ms"] is None:
                return shown
            time.sleep(0.05)
        raise AssertionError(f"the photo does not come to its end: {shown}")

    def uploaded(self, data: bytes, content_type: str = "image/jpeg") -> dict[str, Any]:
        ticket = self.photo_ticket(content_type)
        assert self.send(ticket, data).status_code == 204
        return self.followed(ticket["id"])

    # --- what a person sees

    @property
    def balance(self) -> str:
        return str(self.get("/wallets/")["results"][0]["balance"])

    @property
    def transactions(self) -> list[dict[str, Any]]:
        return list(self.get("/wallets/transactions/")["results"])

    def status(self, payment: dict[str, Any]) -> str:
        return str(self.get(f"/payments/{payment['id']}/")["status"])

    def everything(self) -> list[Any]:
        """All that is stored of the customer, as the API shows it."""
        payments = ("/wallets/", "/wallets/transactions/", "/payments/", "/payment-methods/")
        photos = self.get(IMAGES)["results"]
        changing = ("poll_after_ms", "variants")  # with the time
        return [
            *(self.get(path) for path in payments),
            [{name: value for name, value in one.items() if name not in changing} for one in photos],
        ]


def at_once(acts: "list[Callable[[], Any]]") -> list[Any]:
    """Do all of them at the same time; their results in order."""
    with ThreadPoolExecutor(len(acts)) as threads:
        return [one.result() for one in [threads.submit(act) for act in acts]]
