"""The command line `python -m local.rzp`, and `make run` with the keys of an account in Razorpay's test mode."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.account import RAZORPAY
from local.account import account as account_of_environment
from local.addresses import CannotStart
from local.razorpay.fake import FakeRazorpay
from local.razorpay.server import Server, serve
from local.rzp import __main__ as commands
from local.rzp.__main__ import main, parser
from local.rzp.service import Service
from tests.support.api_client import App
from tests.support.local_stack import LocalStack

KEYS = ("rzp_test_Listen0000001", "listen_secret")


@pytest.fixture
def rzp(local_stack: LocalStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command beside the local stack; returns its exit status and lines."""
    monkeypatch.setenv("STATE", str(local_stack.state))

    def run(*arguments: str) -> tuple[int, list[str]]:
        status = main(arguments)
        captured = capsys.readouterr()
        return status, (captured.out + captured.err).splitlines()

    return run


def test_trigger_delivers_the_event_twice_and_credits_once(rzp: Any) -> None:
    status, lines = rzp("trigger", "payment.captured", "--twice", "--amount", "120.00")
    assert status == 0
    assert len([line for line in lines if re.match(r"200  payment\.captured \w{14}  \d+ ms$", line)]) == 2
    assert "balance 0.00 -> 120.00" in lines
    assert [line for line in lines if re.match(r"---  order\.paid \w+ is dropped", line)]


def test_trigger_of_a_tampered_event_credits_nothing(rzp: Any) -> None:
    _, lines = rzp("trigger", "payment.captured", "--tamper", "--late", "0.1")
    assert "waiting 0.1 s" in lines and "balance 0.00 -> 0.00" in lines
    assert [line for line in lines if line.startswith("401  payment.captured ")]


@pytest.mark.parametrize(
    ("event", "balances"),
    [
        ("payment.authorized", "0.00 -> 0.00"),
        ("payment.failed", "0.00 -> 0.00"),
        ("order.paid", "500.00 -> 500.00"),
        ("refund.created", "500.00 -> 0.00"),
        ("refund.processed", "0.00 -> 0.00"),
        ("refund.failed", "0.00 -> 500.00"),
        ("payment.dispute.created", "500.00 -> 0.00"),
        ("payment.dispute.lost", "0.00 -> 0.00"),
        ("payment.dispute.won", "0.00 -> 500.00"),
    ],
)
def test_trigger_delivers_what_comes_before_the_event_first(event: str, balances: str, rzp: Any) -> None:
    status, lines = rzp("trigger", event)
    assert (status, f"balance {balances}" in lines) == (0, True), lines
    assert all("before it" in line for line in lines[1:] if line.startswith("200  ") and event not in line)


def test_unknown_event_is_refused_with_the_known_ones(rzp: Any) -> None:
    status, lines = rzp("trigger", "payment.lost")
    assert status == 1 and "known events: payment.authorized, payment.captured" in lines[0]


def test_events_that_wait_are_not_sent_by_a_trigger(rzp: Any, local_stack: LocalStack, app: App) -> None:
    local_stack.control("hold", {"hold": True})
    try:
        order = app.add_money("80.00")["gateway_order_id"]
        local_stack.control("pay", {"order_id": order})
        before = [event["event_id"] for event in local_stack.control("state", {})["held"]]
        rzp("trigger", "payment.captured")
        state = local_stack.control("state", {})
        assert [event["event_id"] for event in state["held"]] == before and state["holding"] is True
    finally:
        local_stack.control("deliver", {})
        local_stack.control("hold", {"hold": False})


def test_resend_delivers_the_last_event_again(rzp: Any) -> None:
    rzp("trigger", "payment.captured")
    captured = [line for line in rzp("deliveries")[1] if "payment.captured" in line][-1]
    event_id = captured.split()[2]
    assert rzp("resend", event_id, "--times", "2")[1][0].startswith(f"200  payment.captured {event_id}")
    assert any(f"{event_id}  sent 3 times" in line for line in rzp("deliveries")[1])
    assert rzp("resend", "last")[0] == 0


def test_tail_prints_what_is_new(rzp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rzp("trigger", "payment.captured")
    monkeypatch.setattr(commands.time, "sleep", lambda s: rzp("resend", "last", "--tamper"))
    lines = parser().parse_args(["tail"])
    assert next(lines.run(lines)).startswith("401  ")


def test_commands_say_that_nothing_runs(monkeypatch: pytest.MonkeyPatch, rzp: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("STATE", str(tmp_path))
    assert rzp("deliveries") == (1, ["No service answers. Start it in another terminal: make run"])


# --- with the keys of a real account, whose place another stand-in takes


@pytest.fixture(scope="module")
def account() -> Iterator[Server]:
    """A stand-in in the place of api.razorpay.com: it knows nothing of the local service and sends no webhook."""
    fake = FakeRazorpay(*KEYS, "unknown", lambda: int(time.time()))
    fake.holding = True
    server = serve(fake)
    yield server
    fake.close()
    server.shutdown()
    server.server_close()


def keys_of(account: Server) -> dict[str, str]:
    return {"RAZORPAY_KEY_ID": KEYS[0], "RAZORPAY_KEY_SECRET": KEYS[1], "RAZORPAY_BASE_URL": account.url}


@pytest.fixture(scope="module")
def test_mode_stack(account: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    stack = LocalStack(tmp_path_factory.mktemp("test-mode"), **keys_of(account))
    yield stack
    stack.stop()


@pytest.fixture
def listen(test_mode_stack: LocalStack, account: Server, rzp: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("STATE", str(test_mode_stack.state))
    for name, value in keys_of(account).items():
        monkeypatch.setenv(name, value)
    yield lambda *arguments: rzp("listen", "--once", *arguments)


def test_listen_brings_payments_refunds_and_disputes(
    listen: Any, test_mode_stack: LocalStack, account: Server
) -> None:
    app = App(test_mode_stack)
    created = app.add_money("300.00")
    assert created["checkout"]["key"] == KEYS[0]
    payment = account.stand_in.pay(created["gateway_order_id"], "upi", "success")["razorpay_payment_id"]
    assert app.balance == "0.00"
    status, lines = listen()
    assert status == 0 and f"200  payment.captured {payment}" in lines
    assert app.balance == "300.00"
    refund = account.stand_in.control("refund", {"payment_id": payment, "amount": 10_000})
    dispute = account.stand_in.control("dispute", {"payment_id": payment, "amount": 5_000})
    lines = listen()[1]
    assert f"200  refund.processed {refund['id']}" in lines
    assert f"200  payment.dispute.created {dispute['id']}" in lines
    assert app.balance == "150.00"


def test_listen_again_changes_nothing(listen: Any, test_mode_stack: LocalStack, account: Server) -> None:
    app = App(test_mode_stack)
    created = app.add_money("70.00")
    account.stand_in.pay(created["gateway_order_id"], "upi", "success")
    listen(), listen()
    assert app.balance == "70.00"


def test_listen_refuses_wrong_keys(listen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAZORPAY_KEY_SECRET", "another")
    status, lines = listen()
    assert status == 1 and lines[-1] == "Razorpay refuses RAZORPAY_KEY_ID and RAZORPAY_KEY_SECRET."


def test_listen_goes_on_while_razorpay_is_unavailable(listen: Any, account: Server) -> None:
    account.stand_in.control("faults", [{"method": "GET", "path": "/v1/payments", "fault": "500", "times": 1}])
    assert listen() == (0, [listen()[1][0], "---  Razorpay answered 500 to /v1/payments"])


def test_nothing_can_be_triggered_in_test_mode() -> None:
    with pytest.raises(CannotStart, match="Use: listen"):
        Service({"RAZORPAY": RAZORPAY}).control("state", {})


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"RAZORPAY_KEY_ID": "rzp_live_x", "RAZORPAY_KEY_SECRET": "s"}, "test mode"),
        ({"RAZORPAY_KEY_ID": "rzp_test_x"}, "Set both"),
        ({"RAZORPAY_KEY_SECRET": "s"}, "Set both"),
    ],
)
def test_live_or_incomplete_keys_are_refused(
    keys: dict[str, str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CannotStart, match=text):
        account_of_environment()
