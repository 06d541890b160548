"""What each function of staff is sent. Those that change something get a record of their own for each event."""

import hashlib
import uuid
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.bench.world import WEBHOOK_SECRET

if TYPE_CHECKING:
    from tests.bench.scenes import Scenes

RAVI, MEERA = "ravi", "meera"  # nobody approves what they proposed
GROUPS = "support finance approver"
REASON = {"reason": "The customer asked for it"}


class StaffEvents:
    """Makes the events of the functions of staff, and the records that they are about."""

    def __init__(self, scenes: "Scenes") -> None:
        self.scenes = scenes
        self.checked = ""

    def event(self, function: str, body: Any = None, query: Any = None, staff: str = RAVI, **path: str) -> Any:
        key = {"Idempotency-Key": str(uuid.uuid4())} if body else {}
        return self.scenes.event(function, staff, body, key, query, groups=GROUPS, **path)

    # --- functions that read

    def search(self) -> Any:
        return self.event("SearchStaff", query={"q": self.scenes.captured()})

    def payment(self) -> Any:
        return self.event("RetrieveStaffPayment", id=self.scenes.captured())

    def customer(self) -> Any:
        return self.event("RetrieveStaffCustomer", id=self.scenes.regular())

    def check(self) -> Any:
        """Of a wallet with thirty top-ups, which no other event changes."""
        self.checked = self.checked or self.wallet(self.scenes.customer(top_ups=30))
        return self.event("CheckStaffWallet", id=self.checked)

    def evidence(self) -> Any:
        payment, dispute = self.scenes.disputed()
        return self.event("RetrieveStaffEvidence", id=payment, did=dispute)

    # --- functions that change something

    def block(self) -> Any:
        return self.event("BlockStaffWallet", REASON, id=self.wallet(self.scenes.customer(top_ups=1)))

    def adjust(self, staff: str = RAVI) -> Any:
        body = {"amount": "1.00", "type": "credit", **REASON}
        return self.event("CreateStaffAdjustment", body, staff=staff, id=self.scenes.wallet())

    def waive(self) -> Any:
        """Of a customer who owes a hundred rupees: a dispute took more than the wallet had."""
        from shared.aws.dynamodb import Insert, execute
        from shared.wallets import ledger
        from shared.wallets.wallet import get_wallet

        head = get_wallet(self.scenes.customer(top_ups=1))
        by = ledger.by_dispute("pay_x", "disp_x")
        execute(Insert(ledger.next_entry(head, ledger.DEBIT, "dispute", 60_000, by, forced=True)))
        return self.event("CreateStaffWaiver", {"amount": "1.00", **REASON}, id=head.wallet)

    def decide(self) -> Any:
        proposed = self.scenes.answer("CreateStaffAdjustment", self.adjust(staff=MEERA))
        return self.event("DecideStaffProposal", REASON, id=proposed["id"])

    def refund(self) -> Any:
        payment = self.scenes.top_up(self.scenes.customer())
        return self.event("CreateStaffRefund", {"amount": "1.00", **REASON}, id=payment)

    def cancel_refund(self) -> Any:
        """Of a refund whose request broke off before Razorpay was asked."""
        from shared.payments.models import get_payment
        from shared.refunds import request
        from shared.refunds.policy import approved_policy

        sub = self.scenes.customer()
        payment = get_payment(sub, self.scenes.top_up(sub))
        assert payment
        with patch.object(request, "send", lambda payment, refund, source: refund):
            made = request.request_refund(payment, 100, None, "", str(uuid.uuid4()), f"staff:{RAVI}", approved_policy)
        return self.event("CancelStaffRefund", REASON, id=payment.id, rid=made.refund.id)

    def release(self) -> Any:
        from shared.payment_methods.cards import gateway_customer_for

        sub = self.scenes.customer()
        gateway_customer_for(sub, f"+919{uuid.uuid4().int % 10**9:09d}")
        return self.event("ReleaseStaffClaim", REASON, id=sub)

    def replay_webhook(self) -> Any:
        """An event that can be used by now."""
        from shared.payments.unusable_webhooks import keep_webhook

        sent = self.scenes.webhook(WEBHOOK_SECRET)
        body = sent["body"].encode()
        keep_webhook(body, sent["headers"]["X-Razorpay-Signature"], "event", "the shape is new")
        return self.event("ReplayStaffWebhook", REASON, id=hashlib.sha256(body).hexdigest())

    def resolve(self) -> Any:
        from shared.desk.models import review_id
        from shared.payments.models import get_payment
        from shared.payments.review import SECOND_CAPTURE, flag_for_review

        sub = self.scenes.customer()
        payment = get_payment(sub, self.scenes.top_up(sub))
        assert payment
        flag_for_review(payment, "pay_x", SECOND_CAPTURE)
        review = review_id(payment.id, "pay_x", SECOND_CAPTURE)
        return self.event("ResolveStaffReview", {"action": "dismiss", **REASON}, id=review)

    def wallet(self, sub: str) -> str:
        return str(self.scenes.call("ListWallets", sub)["results"][0]["id"])
