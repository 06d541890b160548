"""Claims that staff release, and webhooks that they replay: once, with who and why."""

from typing import Any

import pytest

from shared.aws.dynamodb import transact
from shared.aws.dynamodb_errors import TransactionConflict
from shared.desk.actions import release_claim
from shared.desk.models import Action
from shared.desk.webhooks import list_webhooks, replay_webhook
from shared.errors import Conflict, NotFound
from shared.payment_methods import models as methods
from shared.payment_methods.models import GatewayCustomer, Owner, PaymentMethod
from shared.payments import webhook
from shared.razorpay.entities import UnexpectedPayload
from tests.unit.conftest import an_attempt
from tests.unit.payments.support import ASHA, BILAL, balance, deliver, payment_entity, top_up

CUST, WHY = "cust_00000000000001", "The number is somebody else's now"


def actions() -> list[tuple[str, str, str, str]]:
    return [(row.what, row.subject, row.by, row.reason) for row in Action.query("action")]


@pytest.fixture
def claimed() -> None:
    Owner(CUST, owner=ASHA).save()
    GatewayCustomer(ASHA, gateway_customer=CUST).save()


@pytest.mark.usefixtures("claimed")
def test_claim_is_released_once() -> None:
    assert release_claim("rita", ASHA, WHY) == CUST
    assert methods.owner_of(CUST) is None and methods.gateway_customer_of(ASHA) is None
    assert actions() == [("release", ASHA, "rita", WHY)]
    with pytest.raises(NotFound):
        release_claim("sunil", ASHA, WHY)
    with pytest.raises(NotFound):
        release_claim("rita", BILAL, WHY)


@pytest.mark.usefixtures("claimed")
@pytest.mark.parametrize("is_active", [True, False])
def test_claim_with_a_saved_card_stays(is_active: bool) -> None:
    """A card that is still being saved is not active yet."""
    times = {"created_at_us": 1, "updated_at_us": 1}
    PaymentMethod(ASHA, "m-1", type="card", gateway_customer=CUST, is_active=is_active, **times).save()
    with pytest.raises(Conflict, match="saved cards"):
        release_claim("rita", ASHA, WHY)
    assert methods.owner_of(CUST) == ASHA and actions() == []


@pytest.mark.usefixtures("claimed")
def test_card_saved_during_a_release_keeps_the_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    def save_first(customer: str, gateway_customer: str) -> bool:
        monkeypatch.undo()
        Owner(CUST, owner=ASHA, saved="m-1").save()
        times = {"created_at_us": 1, "updated_at_us": 1}
        PaymentMethod(ASHA, "m-1", type="card", gateway_customer=CUST, **times).save()
        return False

    with monkeypatch.context() as patch:
        patch.setattr("shared.desk.actions.has_cards", save_first)
        monkeypatch = patch
        with pytest.raises(Conflict, match="saved cards"):
            release_claim("rita", ASHA, WHY)
    assert methods.owner_of(CUST) == ASHA and actions() == []


def unusable(monkeypatch: pytest.MonkeyPatch) -> str:
    """A capture that the deployed version cannot parse; its id."""
    payment = top_up()

    def refuse(entity: Any) -> Any:
        raise UnexpectedPayload("a new shape")

    with monkeypatch.context() as patch:
        patch.setattr(webhook, "payment_from", refuse)
        event = {"payment": payment_entity(an_attempt(payment.gateway_order, 50_000))}
        assert deliver("payment.captured", event).outcome == "unusable"
    (stored,) = list_webhooks()
    return str(stored.id)


def test_replayed_webhook_is_applied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    webhook_id = unusable(monkeypatch)
    assert replay_webhook("rita", webhook_id, WHY).outcome == "applied" and balance() == "500.00"
    with pytest.raises(Conflict, match="already"):
        replay_webhook("sunil", webhook_id, WHY)
    assert list_webhooks() == [] and actions() == [("replay", webhook_id, "rita", WHY)]


def test_replay_that_is_throttled_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    webhook_id, tries = unusable(monkeypatch), []

    def throttled_once(*writes: Any) -> bool:
        tries.append(writes)
        if len(tries) == 1:
            raise TransactionConflict
        return transact(*writes)

    monkeypatch.setattr("shared.desk.webhooks.transact", throttled_once)
    assert replay_webhook("rita", webhook_id, WHY).outcome == "applied"
    assert len(tries) == 2 and actions() == [("replay", webhook_id, "rita", WHY)] and balance() == "500.00"


def test_webhook_that_still_cannot_be_used_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    deliver("payment.captured", {"payment": None})
    (stored,) = list_webhooks()
    with pytest.raises(Conflict) as error:
        replay_webhook("rita", stored.id, WHY)
    assert error.value.code == "still_unusable" and len(list_webhooks()) == 1 and actions() == []


def test_unknown_webhook_is_not_found() -> None:
    with pytest.raises(NotFound):
        replay_webhook("rita", "0" * 64, WHY)
