"""Saved payment methods: required fields, one default, soft deletion, concurrent requests."""

import uuid
from typing import Any

import pytest

from shared import clock
from shared.aws import dynamodb
from shared.aws.dynamodb import Insert, Overwrite, Update, Write, execute
from shared.aws.dynamodb_errors import TransactionConflict
from shared.errors import Conflict, LimitReached, NotFound, ServiceUnavailable, ValidationError
from shared.http import fields
from shared.http.fields import JsonNumber
from shared.payment_methods import examples, methods, models, serializers
from shared.payment_methods.models import CardClaim, DefaultMethod, GatewayCustomer, PaymentMethod
from shared.payment_methods.serializers import PaymentMethodBody, serialize_method
from shared.payment_methods.upi_handles import PROVIDER_OF, provider_of
from shared.settings import settings

pytestmark = pytest.mark.usefixtures("tables")

CARD = {
    "type": "card",
    "card_last4": "4242",
    "card_expiry_month": JsonNumber("12"),
    "card_expiry_year": JsonNumber("2030"),
}
UPI = {"type": "upi", "upi_id": "asha@okhdfcbank"}
UNUSED_ID = str(uuid.UUID(int=7))
CARD_CLAIM_ID = models.card_claim_id("ravi", "V0010013019036197617016149471")


def create(body: dict[str, Any], customer: str = "asha") -> PaymentMethodBody:
    return serialize_method(*methods.create(customer, fields.validate(serializers.FIELDS, body)))


def retrieve(method_id: str, customer: str = "asha") -> PaymentMethodBody:
    return serialize_method(*methods.retrieve(customer, method_id))


def update(method_id: str, body: dict[str, Any], customer: str = "asha") -> PaymentMethodBody:
    values = fields.validate(serializers.FIELDS, body, partial=True)
    return serialize_method(*methods.update(customer, method_id, values))


def set_default(method_id: str, customer: str = "asha") -> PaymentMethodBody:
    return serialize_method(*methods.set_default(customer, method_id))


def list_bodies(method_type: str | None = None) -> list[PaymentMethodBody]:
    found, default_id = methods.list_methods("asha", method_type)
    return [serialize_method(method, default_id) for method in found]


def default_ids() -> list[str]:
    return [body["id"] for body in list_bodies() if body["is_default"]]


# --- fields


def test_saved_method_has_exactly_the_documented_fields() -> None:
    saved = create(CARD)
    assert list(saved) == list(examples.UPI)
    assert (saved["card_last4"], saved["last4"], saved["card_expiry_month"]) == ("4242", "4242", 12)
    assert (saved["is_default"], saved["is_active"], saved["provider"]) == (False, True, "")
    assert retrieve(saved["id"]) == saved


@pytest.mark.parametrize(
    ("upi_id", "provider"),
    [("a@okhdfcbank", "Google Pay"), ("a@PAYTM", "Paytm"), ("a@nosuch", "UPI"), ("a@kotak811", "Kotak")],
)
def test_provider_comes_from_the_upi_handle(upi_id: str, provider: str) -> None:
    assert create({"type": "upi", "upi_id": upi_id})["provider"] == provider


def test_given_provider_is_stored() -> None:
    assert create(UPI | {"provider": "Mine"})["provider"] == "Mine"


def test_upi_handles_are_lower_case() -> None:
    """They are looked up in lower case."""
    assert all(handle == handle.lower() and provider_of(f"x@{handle}") for handle in PROVIDER_OF)


@pytest.mark.parametrize("upi_id", ["asha", "a@b@c", "@ybl", "asha@", "as ha@ybl"])
def test_upi_id_needs_exactly_one_at_sign(upi_id: str) -> None:
    with pytest.raises(ValidationError) as caught:
        create({"type": "upi", "upi_id": upi_id})
    assert caught.value.fields == {"upi_id": ["Enter a valid UPI ID."]}


@pytest.mark.parametrize(("method_type", "required"), methods.REQUIRED_FIELDS.items())
def test_each_type_requires_its_field(method_type: str, required: tuple[str, str]) -> None:
    name, text = required
    for body in ({"type": method_type}, {"type": method_type, name: " "}):
        with pytest.raises(ValidationError) as caught:
            create(body)
        assert caught.value.fields == {name: [text]}


def test_typed_card_expiry_is_stored_only_if_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_CARD_EXPIRY", "false")
    settings.cache_clear()
    saved = create(CARD)
    assert (saved["card_expiry_month"], saved["card_expiry_year"]) == (None, None)
    assert update(saved["id"], {"card_expiry_month": JsonNumber("7")})["card_expiry_month"] is None


def test_customer_saves_at_most_100_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here at most two. Deleted methods do not count, nor do those of other customers."""
    monkeypatch.setattr(methods, "METHODS_MAX", 2)
    first = create(CARD)
    create(UPI)
    with pytest.raises(Conflict) as caught:
        create(CARD)
    assert caught.value.code == "too_many_methods"
    methods.delete("asha", first["id"])
    create(CARD)
    create(CARD, "ravi")


# --- lists and the default


def test_list_starts_with_default_then_newest() -> None:
    first, second, third = (create(CARD)["id"] for _ in range(3))
    set_default(second)
    assert [body["id"] for body in list_bodies()] == [second, third, first]


def test_list_is_filtered_by_type() -> None:
    create(CARD)
    upi = create(UPI)
    assert [body["id"] for body in list_bodies("upi")] == [upi["id"]]
    assert list_bodies("wallet") == []


def test_at_most_one_method_is_default() -> None:
    """Whether it is chosen by creating, by updating or by set_default."""
    first, second = create(CARD | {"is_default": True}), create(UPI | {"is_default": True})
    assert default_ids() == [second["id"]]
    assert update(first["id"], {"is_default": True})["is_default"]
    assert default_ids() == [first["id"]]
    assert set_default(second["id"])["is_default"]
    assert default_ids() == [second["id"]]


def test_is_default_false_clears_only_that_method() -> None:
    first, second = create(CARD | {"is_default": True}), create(UPI)
    assert not update(second["id"], {"is_default": False})["is_default"]
    assert retrieve(first["id"])["is_default"]
    assert not update(first["id"], {"is_default": False})["is_default"]
    assert not any(body["is_default"] for body in list_bodies())


# --- updates


def test_patch_changes_only_the_given_fields() -> None:
    saved = create(CARD)
    changed = update(saved["id"], {"nickname": " my card "})
    assert changed == saved | {"nickname": "my card", "updated_at": changed["updated_at"]}
    assert update(saved["id"], {}) == changed


def test_patch_is_validated_with_the_stored_fields() -> None:
    saved = create(CARD)
    with pytest.raises(ValidationError) as caught:
        update(saved["id"], {"type": "upi"})
    assert caught.value.fields == {"upi_id": ["UPI ID is required for UPI payment method."]}
    with pytest.raises(ValidationError):
        update(saved["id"], {"card_last4": ""})
    changed = update(saved["id"], {"type": "upi", "upi_id": "asha@ybl"})
    assert (changed["type"], changed["provider"]) == ("upi", "PhonePe")


def test_card_never_gets_a_upi_provider() -> None:
    assert update(create(CARD)["id"], {"upi_id": ""})["provider"] == ""


# --- deletion and other customers


def test_deleted_method_is_hidden_and_not_default() -> None:
    saved = create(CARD | {"is_default": True})
    methods.delete("asha", saved["id"])
    assert list_bodies() == []
    assert models.default_method_id("asha") is None
    for request in (
        lambda: methods.delete("asha", saved["id"]),
        lambda: retrieve(saved["id"]),
        lambda: update(saved["id"], {"nickname": "x"}),
        lambda: set_default(saved["id"]),
    ):
        with pytest.raises(NotFound, match="No PaymentMethod matches the given query."):
            request()


def test_deletion_blanks_what_is_personal_and_expires_the_row() -> None:
    saved = create(CARD | {"nickname": "Asha's", "card_brand": "Visa", "bank_name": "HDFC", "wallet_number": "98"})
    label = create(UPI | {"wallet_provider": "Paytm"})
    for body in (saved, label):
        methods.delete("asha", body["id"])
    rows = [row for row in PaymentMethod.query("asha", consistent_read=True) if "type" in row.attribute_values]
    kept = {"customer", "id", "type", "is_active", "updated_at_us", "expires_at_s"}
    assert [{name for name, value in row.attribute_values.items() if value not in (None, "")} for row in rows] == [
        kept,
        kept,
    ]
    assert all(row.expires_at_s - clock.now_s() > 29 * 86_400 for row in rows)


def test_list_does_not_read_deleted_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = create(UPI)["id"]
    for _ in range(3):
        methods.delete("asha", create(CARD)["id"])
    execute(Insert(CardClaim("asha", CARD_CLAIM_ID, method=kept)))
    real, read = dynamodb.read, []

    def counted(query: Any) -> Any:
        for row in real(query):
            read.append(row)
            yield row

    monkeypatch.setattr(dynamodb, "read", counted)
    assert [body["id"] for body in list_bodies()] == [kept]
    assert [row.id for row in read] == [kept]


@pytest.mark.parametrize(
    "method_id", [None, UNUSED_ID, "default", "gateway_customer", pytest.param(CARD_CLAIM_ID, id="card")]
)
def test_other_customers_method_is_not_found(method_id: str | None) -> None:
    """Nor is a pointer row a method, with whatever attributes it was stored."""
    saved = create(CARD | {"is_default": True})["id"] if method_id is None else method_id
    own_id = create(UPI | {"is_default": True}, "ravi")["id"]
    execute(Insert(GatewayCustomer("ravi", gateway_customer="cust_1Aa00000000004")))
    execute(Insert(CardClaim("ravi", CARD_CLAIM_ID, method=own_id)))
    for request in (
        lambda: retrieve(saved, "ravi"),
        lambda: update(saved, {"nickname": "x"}, "ravi"),
        lambda: methods.delete("ravi", saved),
        lambda: set_default(saved, "ravi"),
    ):
        with pytest.raises(NotFound):
            request()
    assert [method.id for method in models.list_methods("ravi")] == [own_id]
    assert models.default_method_id("ravi") == own_id


def test_creations_of_a_day_are_limited_and_deletions_do_not_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "METHODS_PER_DAY_MAX", 2)
    for _ in range(2):
        methods.delete("asha", create(UPI)["id"])
    now_us = clock.now_us()
    monkeypatch.setattr(clock, "now_us", lambda: now_us + 86_390 * 1_000_000)
    with pytest.raises(LimitReached) as refused:
        create(UPI)
    assert refused.value.code == "methods_per_day" and 0 < (refused.value.retry_after_s or 0) <= 11
    create(UPI, "ravi")
    monkeypatch.setattr(clock, "now_us", lambda: now_us + 86_401 * 1_000_000)
    assert create(UPI)["is_active"] and len(list_bodies()) == 1


# --- concurrent requests


def before_next_transaction(monkeypatch: pytest.MonkeyPatch, *acts: Any) -> None:
    """Run each act just before a transaction of the request under test, in order."""
    waiting, real = list(acts), dynamodb.transact

    def transact(*writes: Write) -> list[Write]:
        if waiting:
            waiting.pop(0)()
        return real(*writes)

    monkeypatch.setattr(methods, "transact", transact)
    monkeypatch.setattr(clock, "sleep", lambda seconds: None)


def hide(method_id: str) -> None:
    assert execute(Update(PaymentMethod("asha", method_id), {"is_active": False}))


def point_default_at(method_id: str) -> None:
    execute(Overwrite(DefaultMethod("asha", method=method_id)))


def test_method_deleted_meanwhile_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for request in (
        lambda method_id: update(method_id, {"nickname": "x"}),
        lambda method_id: update(method_id, {"is_default": True}),
        lambda method_id: update(method_id, {"is_default": False}),
        lambda method_id: set_default(method_id),
        lambda method_id: methods.delete("asha", method_id),
    ):
        method_id = create(CARD)["id"]
        before_next_transaction(monkeypatch, lambda method_id=method_id: hide(method_id))
        with pytest.raises(NotFound):
            request(method_id)
        assert models.default_method_id("asha") is None


def test_deletion_survives_default_moving_to_the_method(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = create(CARD)["id"], create(UPI)["id"]
    before_next_transaction(monkeypatch, lambda: point_default_at(first), lambda: point_default_at(second))
    methods.delete("asha", first)
    assert models.default_method_id("asha") == second
    assert [method.id for method in models.list_methods("asha")] == [second]


def test_deletion_survives_default_moving_away(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = create(CARD | {"is_default": True})["id"], create(UPI)["id"]
    before_next_transaction(monkeypatch, lambda: point_default_at(second))
    methods.delete("asha", first)
    assert default_ids() == [second]


def test_conflicting_transactions_are_retried_then_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def conflict() -> None:
        raise TransactionConflict

    method_id = create(CARD)["id"]
    before_next_transaction(monkeypatch, conflict, conflict)
    assert set_default(method_id)["is_default"]
    before_next_transaction(monkeypatch, *[conflict] * dynamodb.TRIES_MAX)
    with pytest.raises(ServiceUnavailable):
        methods.delete("asha", method_id)
    assert default_ids() == [method_id]


@pytest.mark.parametrize(
    ("body", "meanwhile"),
    [
        ({"type": "card"}, {"card_last4": ""}),
        ({"card_last4": ""}, {"type": "card"}),
        ({"upi_id": ""}, {"type": "upi"}),
        ({"type": "netbanking", "is_default": False}, {"bank_name": ""}),
        ({"type": "wallet", "is_default": True}, {"wallet_provider": ""}),
    ],
)
def test_patch_is_validated_against_what_it_changes(
    body: dict[str, Any], meanwhile: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two requests at once, each valid alone, must not leave a method without the field that its type requires."""
    is_card = "card" in (body.get("type"), meanwhile.get("type"))
    complete = {"card_last4": "4242", "upi_id": "asha@okaxis", "bank_name": "HDFC Bank", "wallet_provider": "Paytm"}
    stored = "upi" if is_card else "card"
    method_id = create({"type": stored, **complete})["id"]
    method = models.get_method("asha", method_id)
    assert method
    before_next_transaction(monkeypatch, lambda: execute(Update(method, meanwhile)))
    with pytest.raises(ValidationError):
        update(method_id, body)
    assert {name: retrieve(method_id)[name] for name in meanwhile} == meanwhile  # type: ignore[literal-required]
