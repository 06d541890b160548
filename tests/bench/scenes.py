"""What each function is sent. The handlers themselves make what an event needs: a payment to verify was paid."""

import importlib
import io
import json
import os
import re
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from typing import Any

from local.template import ROOT, Template
from tests.bench.world import WEBHOOK_SECRET, World
from tests.support.lambda_events import LambdaContext

TABLES, BUCKETS, GATEWAY = "tables", "buckets", "gateway"  # what a function reaches at most
READS = 0.95  # of B: the goal of functions that read wallets, methods and payments
GROUPS = "support finance approver"


@dataclass(frozen=True)
class Scene:
    """A name, the function, what makes one more event, the expected status; None if no HTTP request."""

    name: str
    function: str
    event: Callable[[], Any]
    status: int | None = 200
    reach: str = TABLES
    cold_goal: float | None = 1.0


class Scenes:
    """Events for the functions of this template in this world."""

    def __init__(self, template: Template, world: World) -> None:
        self.template, self.world = template, world
        for make in ("regular", "captured", "created", "wallet", "photo"):  # one for all events
            setattr(self, make, cache(getattr(self, make)))
        os.environ.update(world.environment_here)
        sys.path.insert(0, str(ROOT / "functions"))

    def all(self) -> list[Scene]:
        """Every function but the compressor, some in two ways."""
        return [
            *self._methods(),
            *self._wallets(),
            *self._payments(),
            *self._photos(),
            *self._staff(),
            *self._others(),
        ]

    # --- events

    def event(
        self,
        function: str,
        sub: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        groups: str | None = None,
        **path: str,
    ) -> dict[str, Any]:
        """A request to the function as API Gateway sends it."""
        names = set(path)
        route = next(
            route
            for route in self.template.routes
            if route.function == function and set(re.findall(r"{(\w+)}", route.path)) == names
        )
        sent = {
            "Content-Type": "application/json",
            "Host": "api.example.in",
            "User-Agent": "garment-app/4.2.0",
            "X-Forwarded-Proto": "https",
            **(headers or {}),
        }
        url = route.path.format(**path) + "/"
        authorizer = {"sub": sub, "principalId": sub} | ({} if groups is None else {"groups": groups})
        return {
            "resource": route.path,
            "path": url,
            "httpMethod": route.method,
            "headers": sent,
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "queryStringParameters": query and dict(query),
            "multiValueQueryStringParameters": query and {name: [value] for name, value in query.items()},
            "pathParameters": path or None,
            "stageVariables": None,
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "path": f"/dev{url}",
                "stage": "dev",
                "httpMethod": route.method,
                "identity": {"sourceIp": "203.0.113.7"},
                "authorizer": authorizer if sub else None,
            },
            "body": body if body is None or isinstance(body, str) else json.dumps(body),
            "isBase64Encoded": False,
        }

    def call(self, function: str, *arguments: Any, **named: Any) -> Any:
        """The body of the function's response to such an event, here in this process."""
        module, _, name = self.template.functions[function].handler.rpartition(".")
        with redirect_stdout(io.StringIO()):
            handler = getattr(importlib.import_module(module), name)
            response = handler(self.event(function, *arguments, **named), LambdaContext())
        if response["statusCode"] >= 300:
            raise RuntimeError(f"{function} answers {response['statusCode']}: {response['body']}")
        return json.loads(response["body"] or "null")

    # --- what events are about

    def customer(self, methods: int = 0, top_ups: int = 0) -> str:
        sub = str(uuid.uuid4())
        for number in range(methods):
            self.add_method(sub, number)
        for _ in range(top_ups):
            self.top_up(sub)
        return sub

    def regular(self) -> str:
        """A customer with ten methods, thirty top-ups and ten photos."""
        sub = self.customer(methods=10, top_ups=30)
        for _ in range(10):
            self.ready_photo(sub)
        return sub

    def add_method(self, sub: str, number: int = 0) -> str:
        body = {"type": "upi", "upi_id": f"asha{number}@okhdfcbank", "nickname": f"Phone {number}"}
        return str(self.call("CreatePaymentMethod", sub, body)["id"])

    def start(self, sub: str) -> Any:
        return self.call("AddWalletBalance", sub, {"amount": "500.00"})

    def pay(self, sub: str) -> tuple[Any, dict[str, Any]]:
        """A top-up that was paid, with what checkout returns."""
        payment = self.start(sub)
        return payment, self.world.razorpay.pay(payment["gateway_order_id"], "upi", "success")

    def top_up(self, sub: str) -> str:
        payment, paid = self.pay(sub)
        self.call("VerifyPayment", sub, paid, id=payment["id"])
        return str(payment["id"])

    def captured(self) -> str:
        return self.top_up(self.regular())

    def created(self) -> str:
        return str(self.start(self.regular())["id"])

    def wallet(self) -> str:
        return str(self.call("ListWallets", self.regular())["results"][0]["id"])

    def photo(self) -> str:
        return self.ready_photo(self.regular())

    def ready_photo(self, sub: str) -> str:
        from shared.images import lifecycle, models

        created = self.call("CreateImageUpload", sub, {"content_type": "image/jpeg"})
        image = models.get_image(lifecycle.owner_of(sub), created["id"])
        assert image
        sizes = {"width": 1200, "height": 1600, "bytes": 148_211}
        variants = [
            {"name": name, "format": format, **sizes} for name in ("display", "thumb") for format in ("jpeg", "avif")
        ]
        facts = {
            "variants": variants,
            "recipe": "r1",
            "sha256": "9f" * 32,
            "format": "jpeg",
            "width": 3024,
            "height": 4032,
        }
        facts |= {
            "upload_size_bytes": 4_404_019,
            "placeholder": "data:image/webp;base64,UklGRl4A",
            "dominant_colour": "#7a6f63",
        }
        lifecycle.change_status(image, lifecycle.PROCESSING, stage=lifecycle.COMPRESSING)
        lifecycle.change_status(image, lifecycle.READY, **facts, **lifecycle.NO_MORE_CHECKS)
        return str(created["id"])

    def webhook(self, secret: str) -> dict[str, Any]:
        _, paid = self.pay(self.regular())
        entity = self.world.razorpay.payments[paid["razorpay_payment_id"]]
        envelope = {
            "entity": "event",
            "event": "payment.captured",
            "contains": ["payment"],
            "created_at": int(time.time()),
        }
        body = json.dumps({**envelope, "payload": {"payment": {"entity": entity}}})
        signature = self.world.razorpay.sign(secret, body.encode())
        headers = {"X-Razorpay-Signature": signature, "X-Razorpay-Event-Id": uuid.uuid4().hex[:14]}
        return self.event("ReceiveWebhook", "", body, headers)

    # --- scenes

    def _methods(self) -> list[Scene]:
        one = self.regular
        add = {"type": "upi", "upi_id": "asha@ybl"}

        def on_new(function: str, body: Any = None) -> Callable[[], Any]:
            def event() -> Any:
                sub = self.customer()
                return self.event(function, sub, body, id=self.add_method(sub))

            return event

        return [
            Scene(
                "ListPaymentMethods (10)",
                "ListPaymentMethods",
                lambda: self.event("ListPaymentMethods", one()),
                cold_goal=READS,
            ),
            Scene(
                "CreatePaymentMethod",
                "CreatePaymentMethod",
                lambda: self.event("CreatePaymentMethod", self.customer(), add),
                201,
            ),
            Scene("RetrievePaymentMethod", "RetrievePaymentMethod", on_new("RetrievePaymentMethod"), cold_goal=READS),
            Scene("UpdatePaymentMethod", "UpdatePaymentMethod", on_new("UpdatePaymentMethod", {"nickname": "Mine"})),
            Scene("DeletePaymentMethod", "DeletePaymentMethod", on_new("DeletePaymentMethod"), 204),
            Scene("SetDefaultPaymentMethod", "SetDefaultPaymentMethod", on_new("SetDefaultPaymentMethod", {})),
        ]

    def _wallets(self) -> list[Scene]:
        one = self.regular
        return [
            Scene("ListWallets", "ListWallets", lambda: self.event("ListWallets", one()), cold_goal=READS),
            Scene(
                "RetrieveWallet",
                "RetrieveWallet",
                lambda: self.event("RetrieveWallet", one(), id=self.wallet()),
                cold_goal=READS,
            ),
            Scene(
                "ListWalletTransactions",
                "ListWalletTransactions",
                lambda: self.event("ListWalletTransactions", one()),
                cold_goal=READS,
            ),
            Scene(
                "AddWalletBalance",
                "AddWalletBalance",
                lambda: self.event("AddWalletBalance", self.customer(), {"amount": "500.00"}),
                201,
                GATEWAY,
            ),
        ]

    def _payments(self) -> list[Scene]:
        one = self.regular

        def spend() -> Any:
            body, headers = {"amount": "1.00", "source": "wallet"}, {"Idempotency-Key": str(uuid.uuid4())}
            return self.event("CreatePayment", one(), body, headers)

        def start() -> Any:
            return self.event("CreatePayment", self.customer(), {"amount": "250.00", "source": "gateway"})

        def verify() -> Any:
            payment, paid = self.pay(one())
            return self.event("VerifyPayment", one(), paid, id=payment["id"])

        def sync() -> Any:
            payment, _ = self.pay(one())
            return self.event("SyncPayment", one(), {}, id=payment["id"])

        def refund() -> Any:
            return self.event(
                "CreateRefund", one(), {"amount": "1.00"}, {"Idempotency-Key": str(uuid.uuid4())}, id=self.captured()
            )

        def of_payment(function: str) -> Callable[[], Any]:
            return lambda: self.event(function, one(), id=self.captured())

        return [
            Scene("ListPayments (20)", "ListPayments", lambda: self.event("ListPayments", one()), cold_goal=READS),
            Scene(
                "ListPaymentLimits",
                "ListPaymentLimits",
                lambda: self.event("ListPaymentLimits", one()),
                cold_goal=READS,
            ),
            Scene("CreatePayment (wallet)", "CreatePayment", spend, 201),
            Scene("CreatePayment (gateway)", "CreatePayment", start, 201, GATEWAY),
            Scene("RetrievePayment (captured)", "RetrievePayment", of_payment("RetrievePayment"), cold_goal=READS),
            Scene(
                "RetrievePayment (created)",
                "RetrievePayment",
                lambda: self.event("RetrievePayment", one(), id=self.created()),
                200,
                GATEWAY,
            ),
            Scene("VerifyPayment", "VerifyPayment", verify, 200, GATEWAY),
            Scene("SyncPayment", "SyncPayment", sync, 200, GATEWAY),
            Scene("ReceiveWebhook (captured)", "ReceiveWebhook", lambda: self.webhook(WEBHOOK_SECRET), 200, GATEWAY),
            Scene("ReceiveWebhook (refused)", "ReceiveWebhook", lambda: self.webhook("wrong"), 401, GATEWAY),
            Scene("CreateRefund", "CreateRefund", refund, None, GATEWAY),
            Scene("ListRefunds", "ListRefunds", of_payment("ListRefunds"), cold_goal=READS),
        ]

    def _photos(self) -> list[Scene]:
        one = self.regular
        body = {"content_type": "image/jpeg"}

        def delete() -> Any:
            sub = self.customer()
            return self.event("DeleteImage", sub, id=self.call("CreateImageUpload", sub, body)["id"])

        return [
            Scene(
                "CreateImageUpload",
                "CreateImageUpload",
                lambda: self.event("CreateImageUpload", self.customer(), body),
                201,
                BUCKETS,
            ),
            Scene("ListImages (10)", "ListImages", lambda: self.event("ListImages", one()), 200, BUCKETS),
            Scene(
                "RetrieveImage",
                "RetrieveImage",
                lambda: self.event("RetrieveImage", one(), id=self.photo()),
                200,
                BUCKETS,
            ),
            Scene("DeleteImage", "DeleteImage", delete, 204, BUCKETS),
        ]

    def _staff(self) -> list[Scene]:
        def scene(function: str, reach: str = TABLES, **named: Any) -> Scene:
            def event() -> Any:
                path = {name: make() if callable(make) else make for name, make in named.items()}
                return self.event(function, "ravi", groups=GROUPS, **path)

            return Scene(function, function, event, None, reach)

        return [
            scene("SearchStaff", query=lambda: {"q": self.captured()}),
            scene("RetrieveStaffPayment", id=self.captured),
            scene("RetrieveStaffCustomer", id=self.regular),
            scene("CheckStaffWallet", id=self.wallet),
            scene("ListStaffReviews"),
            scene("ListStaffProposals"),
            scene("ListStaffWebhooks"),
        ]

    def _others(self) -> list[Scene]:
        def token() -> Any:
            bearer = f"Bearer {self.world.issuer.token('asha', int(time.time()) - 5)}"
            arn = "arn:aws:execute-api:ap-south-1:000000000000:a1b2c3/dev/GET/api"
            return {"type": "TOKEN", "authorizationToken": bearer, "methodArn": arn}

        return [
            Scene("Authorize", "Authorize", token, None, TABLES),
            Scene("ReconcilePayments", "ReconcilePayments", dict, None, GATEWAY, None),
            Scene("SweepImages", "SweepImages", dict, None, BUCKETS, None),
        ]
