"""Where the local service listens: its host, the ports that it holds, and the callers that it refuses."""

import socket
import sys

import pytest

from local import addresses
from local.addresses import LOOPBACK, CannotStart, hold_port, port_of, refusal


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost:8787", "127.0.0.1"])
@pytest.mark.parametrize("origin", [None, "http://127.0.0.1:8787", "http://localhost:8788", "http://localhost:5173"])
def test_own_host_and_pages_are_accepted(host: str, origin: str | None) -> None:
    assert refusal(host, origin) == ""


@pytest.mark.parametrize("host", ["", "garment.example", "127.0.0.1.example:8787", "[", "8787"])
def test_other_host_is_refused(host: str) -> None:
    assert "is not the local service" in refusal(host, None)


@pytest.mark.parametrize("origin", ["", "null", "https://garment.example", "http://127.0.0.1.example", "http://["])
def test_page_of_another_site_is_refused(origin: str) -> None:
    assert "may not control the local service" in refusal("127.0.0.1:8787", origin)
    assert "may not control the local service" in refusal("127.0.0.1:8787", origin, "https://app.example")


def test_page_of_the_web_origin_is_accepted() -> None:
    assert refusal("127.0.0.1:8787", "https://app.example", "https://app.example") == ""


@pytest.mark.parametrize("text", ["http", "-1", "65536", "٣"])
def test_port_must_be_a_number(text: str) -> None:
    with pytest.raises(CannotStart, match="RAZORPAY_PORT must be a number up to 65535"):
        port_of("RAZORPAY_PORT", text)
    assert port_of("PORT", "65535") == 65_535


@pytest.mark.parametrize(
    "variables, host",
    [
        ({}, "127.0.0.1"),
        ({"HOST": "lan"}, "192.168.1.7"),
        ({"HOST": "my-laptop"}, "127.0.0.1"),  # as some shells set it
        ({"BIND_HOST": "172.17.0.1"}, "172.17.0.1"),
    ],
)
def test_host_is_loopback_unless_a_phone_or_containers_need_another(
    variables: dict[str, str], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOST", "BIND_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(addresses, "lan_address", lambda: "192.168.1.7")
    assert addresses.wanted_host() == host


def test_address_in_the_network_is_one_of_this_machine() -> None:
    with socket.socket() as server:
        server.bind((addresses.lan_address(), 0))


def test_server_can_listen_on_a_held_port() -> None:
    with socket.create_server((LOOPBACK, hold_port())) as server:
        assert server.getsockname()[1]


def test_port_with_a_server_cannot_be_held() -> None:
    with socket.create_server((LOOPBACK, 0)) as server, pytest.raises(OSError, match="in use"):
        hold_port(server.getsockname()[1])


def test_held_port_is_given_once() -> None:
    with pytest.raises(OSError, match="in use"):
        hold_port(hold_port())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a port be bound twice")
def test_held_port_is_given_to_nobody_else() -> None:
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((LOOPBACK, hold_port()))
