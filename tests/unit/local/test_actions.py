"""The actions of `/_local/` refuse in words what they do not know."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.actions import ACTIONS, DeveloperControls, Refused, act
from local.issuer import Issuer
from local.memory import Clock, Faults


@pytest.fixture
def controls(tmp_path_factory: pytest.TempPathFactory) -> DeveloperControls:
    state = tmp_path_factory.mktemp("issuers")
    controls = DeveloperControls(Clock(), Faults(), Issuer(state), Issuer.for_staff(state))
    controls.tables = ["PaymentsTable"]
    return controls


@pytest.mark.parametrize(
    "name, body, words",
    [
        ("clocks", {}, "unknown action 'clocks', known actions: customers, seeds, faults, clock, invoke"),
        ("clock", {}, "field 'forward_s' is required"),
        ("clock", {"forward_s": "60"}, "forward_s must be a whole number"),
        ("clock", {"forward_s": True}, "forward_s must be a whole number"),
        ("clock", {"forward_s": -1}, "the clock only moves forward"),
        ("clock", {"forward_s": 10**12}, "the clock only moves forward"),
        ("clock", {"forward_s": 1, "to": 2}, "unknown field 'to', known fields: forward_s"),
        ("customers", {"name": 7}, "name must be a text"),
        ("faults", {"s3": "GetObject"}, "s3 must be a list"),
        ("faults", {"s3": [7]}, "s3 must be a list of operations"),
        ("faults", {"s3": ["G" * 1_025]}, "at most 1024 characters"),
        ("faults", {"s3": ["é" * 1_000]}, "s3 must be a list of operations"),
        ("faults", {"tables": ["PaymentsTable"] * 200}, "tables must have at most 1024 characters"),
        ("faults", {"issuer": "yes"}, "issuer must be true or false"),
        ("faults", {"tables": ["Orders"]}, "unknown table 'Orders', known tables: PaymentsTable"),
        ("faults", {"tables": [["PaymentsTable"]]}, "unknown table"),
        ("faults", {"uploads_twice": 2}, "uploads_twice must be true or false"),
        ("seeds", {"name": "Asha"}, "unknown field 'name', known fields: none"),
        ("clock", [], "the body must be an object"),
    ],
)
def test_unknown_is_refused_in_words(name: str, body: Any, words: str, controls: DeveloperControls) -> None:
    with pytest.raises(Refused, match=".*") as refused:
        act(controls, name, json.dumps(body).encode())
    assert words in str(refused.value)
    assert controls.clock.ahead_s == 0 and controls.faults.s3 == controls.faults.tables == []
    assert not controls.faults.issuer and not controls.faults.uploads_twice


def test_body_that_is_not_json_is_refused(controls: DeveloperControls) -> None:
    with pytest.raises(Refused, match="not valid JSON"):
        act(controls, "clock", b"{")


def test_clock_moves_and_faults_that_are_not_named_stay(controls: DeveloperControls) -> None:
    assert act(controls, "clock", b'{"forward_s": 60}') == {"ahead_s": 60}
    none = {"s3": [], "tables": [], "issuer": False, "uploads_twice": False}
    assert act(controls, "faults", b'{"s3": ["GetObject"]}') == none | {"s3": ["GetObject"]}
    assert act(controls, "faults", b'{"issuer": true}') == none | {"s3": ["GetObject"], "issuer": True}
    assert act(controls, "faults", b'{"s3": []}') == none | {"issuer": True}
    both = {"tables": ["PaymentsTable"], "uploads_twice": True}
    assert act(controls, "faults", json.dumps(both).encode()) == none | both | {"issuer": True}


def test_customer_with_a_phone_has_it_in_the_token(controls: DeveloperControls) -> None:
    import jwt

    customer = act(controls, "customers", b'{"name": "Asha", "phone": "+919876543210"}')
    claims = jwt.decode(customer["token"], options={"verify_signature": False})
    assert claims["phone_number"] == "+919876543210" and claims["sub"] == customer["id"]
    without = jwt.decode(act(controls, "customers", b"{}")["token"], options={"verify_signature": False})
    assert "phone_number" not in without


def test_every_action_is_in_the_table() -> None:
    assert set(ACTIONS) == {"customers", "seeds", "faults", "clock", "invoke", "jwks.json", "staff_jwks.json"}


def test_keys_of_the_issuers_are_their_owners_alone(tmp_path: Path) -> None:
    """Whoever reads such a key may be any customer, or staff, of this service."""
    for make, name in ((Issuer, "issuer.pem"), (Issuer.for_staff, "staff_issuer.pem")):
        make(tmp_path)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
