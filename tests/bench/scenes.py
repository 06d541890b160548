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
from functools import cache, partial
from typing import Any

from local.issuer import Issuer
from local.razorpay import disputes
from local.template import ROOT, Template
from tests.bench.staff_scenes import REASON, StaffEvents
from tests.bench.world import UPLOADS, WEBHOOK_SECRET, World
from tests.support.image_samples import phone_photo
from tests.support.lambda_events import LambdaContext

TABLES, BUCKETS, OUTSIDE = "tables", "buckets", "outside"  # what a function reaches at most: Razorpay, an issuer
READS = 0.95  # of B: the goal of functions that read wallets, methods and payments


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
        for make in ("regular", "captured", "created", "wallet", "photo", "refund"):  # one for all events
            setattr(self, make, cache(getattr(self, make)))
        os.environ.update(world.environment_here)
        sys.path.insert(0, str(ROOT / "functions"))

    def all(self) -> list[Scene]:
        """Every function, some in two ways."""
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
        return self.answer(function, self.event(function, *arguments, **named))

    def answer(self, function: str, event: Any) -> Any:
        """The body of the function's response to an event, here in this process."""
        module, _, name = self.template.functions[function].handler.rpartition(".")
        with redirect_stdout(io.StringIO()):
            handler = getattr(importlib.import_module(module), name)
            response = handler(event, LambdaContext())
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

    def refund(self) -> tuple[str, str]:
        """A payment and its refund."""
        sub = self.regular()
        payment = self.captured()
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return payment, str(self.call("CreateRefund", sub, {"amount": "1.00"}, key, id=payment)["id"])

    def disputed(self) -> tuple[str, str]:
        """A payment and its dispute."""
        payment, paid = self.pay(sub := self.customer())
        self.call("VerifyPayment", sub, paid, id=payment["id"])
        entity = self.world.razorpay.payments[paid["razorpay_payment_id"]]
        dispute = disputes.change(self.world.razorpay, entity["id"], "created", None, None)
        entities = {"payment": {"entity": entity}, "dispute": {"entity": dispute}}
        self.answer("ReceiveWebhook", self.signed("payment.dispute.created", entities, WEBHOOK_SECRET))
        return str(payment["id"]), str(dispute["id"])

    def webhook(self, secret: str) -> dict[str, Any]:
        _, paid = self.pay(self.regular())
        entity = self.world.razorpay.payments[paid["razorpay_payment_id"]]
        return self.signed("payment.captured", {"payment": {"entity": entity}}, secret)

    def signed(self, name: str, entities: Mapping[str, Any], secret: str) -> dict[str, Any]:
        """An event of Razorpay's."""
        envelope = {"entity": "event", "event": name, "contains": list(entities), "created_at": int(time.time())}
        body = json.dumps({**envelope, "payload": entities})
        signature = self.world.razorpay.sign(secret, body.encode())
        headers = {"X-Razorpay-Signature": signature, "X-Razorpay-Event-Id": uuid.uuid4().hex[:14]}
        return self.event("ReceiveWebhook", "", body, headers)

    def change(self, model: Any, row: Any, before: Mapping[str, Any] | None) -> dict[str, Any]:
        """A stream's event: a row as it is stored now, and what of it was different before."""
        keys = {name: value for name, value in model.serialize(row).items() if name in row._get_keys()}
        name = model._get_connection().table_name
        image = self.world.tables.call("GetItem", {"TableName": name, "Key": keys})["Item"]
        change = {"NewImage": image} | ({"OldImage": image | before} if before else {})
        return {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": change}]}

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
                OUTSIDE,
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
            sub = self.customer()  # a payment has a limited number of refunds
            key = {"Idempotency-Key": str(uuid.uuid4())}
            return self.event("CreateRefund", sub, {"amount": "1.00"}, key, id=self.top_up(sub))

        def one_refund() -> Any:
            payment, id = self.refund()
            return self.event("RetrieveRefund", one(), id=payment, rid=id)

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
            Scene("CreatePayment (gateway)", "CreatePayment", start, 201, OUTSIDE),
            Scene("RetrievePayment (captured)", "RetrievePayment", of_payment("RetrievePayment"), cold_goal=READS),
            Scene(
                "RetrievePayment (created)",
                "RetrievePayment",
                lambda: self.event("RetrievePayment", one(), id=self.created()),
                200,
                OUTSIDE,
            ),
            Scene("VerifyPayment", "VerifyPayment", verify, 200, OUTSIDE),
            Scene("SyncPayment", "SyncPayment", sync, 200, OUTSIDE),
            Scene("ReceiveWebhook (captured)", "ReceiveWebhook", lambda: self.webhook(WEBHOOK_SECRET), 200, OUTSIDE),
            Scene("ReceiveWebhook (refused)", "ReceiveWebhook", lambda: self.webhook("wrong"), 401, OUTSIDE),
            Scene("CreateRefund", "CreateRefund", refund, None, OUTSIDE),
            Scene("ListRefunds", "ListRefunds", of_payment("ListRefunds"), cold_goal=READS),
            Scene("RetrieveRefund", "RetrieveRefund", one_refund, cold_goal=READS),
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
        staff = StaffEvents(self)
        reads: Mapping[str, Callable[[], Any]] = {
            "SearchStaff": staff.search,
            "RetrieveStaffPayment": staff.payment,
            "RetrieveStaffCustomer": staff.customer,
            "RetrieveStaffEvidence": staff.evidence,
            "CheckStaffWallet": staff.check,
            **{
                name: partial(staff.event, name)
                for name in ("ListStaffReviews", "ListStaffProposals", "ListStaffWebhooks", "ListStaffDisputes")
            },
        }
        changes: Mapping[str, tuple[Callable[[], Any], str]] = {
            "BlockStaffWallet": (staff.block, TABLES),
            "CancelStaffRefund": (staff.cancel_refund, TABLES),
            "CreateStaffAdjustment": (staff.adjust, TABLES),
            "CreateStaffWaiver": (staff.waive, TABLES),
            "DecideStaffProposal": (staff.decide, TABLES),
            "CreateStaffRefund": (staff.refund, OUTSIDE),
            "ReleaseStaffClaim": (staff.release, TABLES),
            "ReplayStaffUploads": (partial(staff.event, "ReplayStaffUploads", REASON), BUCKETS),
            "ReplayStaffWebhook": (staff.replay_webhook, TABLES),
            "ResolveStaffReview": (staff.resolve, TABLES),
        }
        return [
            *(Scene(name, name, event, None) for name, event in reads.items()),
            *(Scene(name, name, event, None, reach) for name, (event, reach) in changes.items()),
        ]

    def _others(self) -> list[Scene]:
        def token(issuer: Issuer, **claims: Any) -> Any:
            bearer = f"Bearer {issuer.token('asha', int(time.time()) - 5, **claims)}"
            arn = "arn:aws:execute-api:ap-south-1:000000000000:a1b2c3/dev/GET/api"
            return {"type": "TOKEN", "authorizationToken": bearer, "methodArn": arn}

        def top_up() -> Any:
            from shared.payments.models import Payment, get_payment

            payment = get_payment(self.regular(), self.top_up(self.regular()))
            return self.change(Payment, payment, {"status": {"S": "created"}})

        def entry() -> Any:
            from shared.wallets.models import Entry
            from shared.wallets.wallet import get_wallet

            self.top_up(self.regular())
            return self.change(Entry, get_wallet(self.regular()), None)

        world = self.world
        return [
            Scene("Authorize", "Authorize", lambda: token(world.issuer), None, OUTSIDE),
            Scene(
                "AuthorizeStaff",
                "AuthorizeStaff",
                lambda: token(world.staff_issuer, groups=["support"]),
                None,
                OUTSIDE,
            ),
            Scene("ReconcilePayments", "ReconcilePayments", dict, None, OUTSIDE, None),
            Scene("SweepImages", "SweepImages", dict, None, BUCKETS, None),
            Scene("AuditPayments", "AuditPayments", top_up, None, TABLES, None),
            Scene("AuditWallets", "AuditWallets", entry, None, TABLES, None),
            Scene("CompressImage", "CompressImage", self.upload, None, BUCKETS, None),
        ]

    def upload(self) -> Any:
        """A photo of 12 megapixels that was uploaded just now."""
        form = self.call("CreateImageUpload", self.customer(), {"content_type": "image/jpeg"})["upload"]
        self.world.buckets.put(UPLOADS, form["fields"]["key"], phone_photo())
        upload = {"bucket": {"name": UPLOADS}, "object": {"key": form["fields"]["key"]}}
        return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Post", "s3": upload}]}
