"""Saved payment methods: one default, soft deletes, what each type needs."""

import uuid
from typing import Any

import pytest

from shared import fields, payment_methods, settings, store
from shared.errors import Conflict, Invalid, NotFound
from shared.fields import Number
from shared.upi_handles import PROVIDER_OF, provider_of

pytestmark = pytest.mark.usefixtures("tables")

CARD = {"type": "card", "card_last4": "4242", "card_expiry_month": Number("12"), "card_expiry_year": Number("2030")}
UPI = {"type": "upi", "upi_id": "asha@okhdfcbank"}
ANOTHER = str(uuid.UUID(int=7))


def create(body: dict[str, Any], customer: str = "asha") -> dict[str, Any]:
    return payment_methods.create(customer, fields.check(payment_methods.FIELDS, body))


def update(method_id: str, body: dict[str, Any], customer: str = "asha") -> dict[str, Any]:
    return payment_methods.update(customer, method_id, fields.check(payment_methods.FIELDS, body, partial=True))


def listed(**filters: str) -> list[dict[str, Any]]:
    return payment_methods.listed("asha", filters)


def test_a_saved_method_has_exactly_the_fields_the_app_knows() -> None:
    saved = create(CARD)
    assert list(saved) == list(payment_methods.SAVED_UPI)
    assert (saved["card_last4"], saved["last4"], saved["card_expiry_month"]) == ("4242", "4242", 12)
    assert (saved["is_default"], saved["is_active"], saved["provider"]) == (False, True, "")
    assert payment_methods.retrieve("asha", saved["id"]) == saved


@pytest.mark.parametrize(
    ("upi_id", "provider"),
    [("a@okhdfcbank", "Google Pay"), ("a@PAYTM", "Paytm"), ("a@nosuch", "UPI"), ("a@kotak811", "Kotak")],
)
def test_the_provider_is_read_from_the_upi_handle(upi_id: str, provider: str) -> None:
    assert create({"type": "upi", "upi_id": upi_id})["provider"] == provider


def test_a_provider_that_is_given_is_kept() -> None:
    assert create(UPI | {"provider": "Mine"})["provider"] == "Mine"


def test_handles_are_written_as_they_are_looked_up() -> None:
    assert all(handle == handle.lower() and provider_of(f"x@{handle}") for handle in PROVIDER_OF)


@pytest.mark.parametrize("upi_id", ["asha", "a@b@c", "@ybl", "asha@", "as ha@ybl"])
def test_a_upi_id_has_one_at_sign(upi_id: str) -> None:
    with pytest.raises(Invalid) as caught:
        create({"type": "upi", "upi_id": upi_id})
    assert caught.value.fields == {"upi_id": ["Enter a valid UPI ID."]}


@pytest.mark.parametrize(("kind", "needed"), payment_methods.REQUIRED_BY.items())
def test_each_type_needs_its_field(kind: str, needed: tuple[str, str]) -> None:
    name, text = needed
    for body in ({"type": kind}, {"type": kind, name: " "}):
        with pytest.raises(Invalid) as caught:
            create(body)
        assert caught.value.fields == {name: [text]}


def test_the_default_comes_first_and_then_the_newest() -> None:
    first, second, third = (create(CARD)["id"] for _ in range(3))
    payment_methods.set_default("asha", second)
    assert [one["id"] for one in listed()] == [second, third, first]


def test_a_list_is_filtered_by_type() -> None:
    create(CARD)
    upi = create(UPI)
    assert [one["id"] for one in listed(type="upi")] == [upi["id"]]
    assert listed(type="wallet") == []


def test_there_is_one_default_however_it_is_chosen() -> None:
    first, second = create(CARD | {"is_default": True}), create(UPI | {"is_default": True})
    assert [one["id"] for one in listed() if one["is_default"]] == [second["id"]]
    assert update(first["id"], {"is_default": True})["is_default"]
    assert [one["id"] for one in listed() if one["is_default"]] == [first["id"]]
    assert payment_methods.set_default("asha", second["id"])["is_default"]
    assert [one["id"] for one in listed() if one["is_default"]] == [second["id"]]


def test_is_default_false_clears_only_the_method_it_is_said_of() -> None:
    first, second = create(CARD | {"is_default": True}), create(UPI)
    assert not update(second["id"], {"is_default": False})["is_default"]
    assert payment_methods.retrieve("asha", first["id"])["is_default"]
    assert not update(first["id"], {"is_default": False})["is_default"]
    assert not any(one["is_default"] for one in listed())


def test_a_patch_changes_what_it_names_and_nothing_else() -> None:
    saved = create(CARD)
    changed = update(saved["id"], {"nickname": " my card "})
    assert changed == saved | {"nickname": "my card", "updated_at": changed["updated_at"]}
    assert update(saved["id"], {}) == changed


def test_a_patch_is_checked_against_what_it_makes_of_the_method() -> None:
    saved = create(CARD)
    with pytest.raises(Invalid) as caught:
        update(saved["id"], {"type": "upi"})
    assert caught.value.fields == {"upi_id": ["UPI ID is required for UPI payment method."]}
    with pytest.raises(Invalid):
        update(saved["id"], {"card_last4": ""})
    changed = update(saved["id"], {"type": "upi", "upi_id": "asha@ybl"})
    assert (changed["type"], changed["provider"]) == ("upi", "PhonePe")


def test_a_card_does_not_become_a_upi_providers() -> None:
    assert update(create(CARD)["id"], {"upi_id": ""})["provider"] == ""


def test_a_deleted_method_is_gone_for_everyone_and_no_longer_the_default() -> None:
    saved = create(CARD | {"is_default": True})
    payment_methods.delete("asha", saved["id"])
    assert listed() == []
    assert store.default_method("asha") is None
    for gone in (
        lambda: payment_methods.delete("asha", saved["id"]),
        lambda: payment_methods.retrieve("asha", saved["id"]),
        lambda: update(saved["id"], {"nickname": "x"}),
        lambda: payment_methods.set_default("asha", saved["id"]),
    ):
        with pytest.raises(NotFound, match="No PaymentMethod matches the given query."):
            gone()


@pytest.mark.parametrize("method_id", [None, ANOTHER, "default"])
def test_anothers_method_looks_like_none(method_id: str | None) -> None:
    saved = create(CARD | {"is_default": True})["id"] if method_id is None else method_id
    for refused in (
        lambda: payment_methods.retrieve("ravi", saved),
        lambda: update(saved, {"nickname": "x"}, "ravi"),
        lambda: payment_methods.delete("ravi", saved),
        lambda: payment_methods.set_default("ravi", saved),
    ):
        with pytest.raises(NotFound):
            refused()


def test_a_customer_saves_at_most_so_many_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payment_methods, "METHODS_MAX", 2)
    first = create(CARD)
    create(UPI)
    with pytest.raises(Conflict) as caught:
        create(CARD)
    assert caught.value.code == "too_many_methods"
    payment_methods.delete("asha", first["id"])
    create(CARD)
    create(CARD, "ravi")


def test_a_cards_expiry_is_kept_only_where_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_CARD_EXPIRY", "false")
    settings.settings.cache_clear()
    saved = create(CARD)
    assert (saved["card_expiry_month"], saved["card_expiry_year"]) == (None, None)
    assert update(saved["id"], {"card_expiry_month": Number("7")})["card_expiry_month"] is None
