"""Where the local service listens, and which callers its controls accept.

`make doctor` imports this before any package is installed, so it needs the standard library alone.
"""

import errno
import os
import socket
import sys
from urllib.parse import urlsplit

# Of documentation: no packet is sent to it. The route to it has the address that this machine has on its network.
ELSEWHERE = ("192.0.2.1", 9)
LOOPBACK = "127.0.0.1"
WEBHOOK_PATH = "/api/payments/webhooks/razorpay/"  # where Razorpay's webhooks arrive


class CannotStart(Exception):
    """`make run` cannot start; the message is one line for the person who typed the command."""


def wanted_host() -> str:
    """The address that everything listens on: another one than loopback for a phone, or for containers.

    HOST has one value of ours. Shells set it too, to the name of the machine.
    """
    if os.environ.get("HOST") == "lan":
        return lan_address()
    return os.environ.get("BIND_HOST") or LOOPBACK


def lan_address() -> str:
    """This machine's address on its network, or loopback if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ELSEWHERE)
            return str(probe.getsockname()[0])
        except OSError:
            return LOOPBACK


HOST = wanted_host()
OURS = (HOST, LOOPBACK, "localhost")


_held: dict[int, socket.socket] = {}  # by port, until this process ends


def hold_port(port: int = 0) -> int:
    """Hold this port, or any free one, for a server that starts later. OSError if a server listens there, or if
    this process was given it before.

    No other program is given a held port. A server that names it can listen, as servers bind with SO_REUSEADDR. Other
    systems than Linux let nobody bind a port twice, so there it is only free when this returns.
    """
    if port in _held:  # the system would let the same program bind it twice
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    holder = socket.socket()
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, port))
        port = int(holder.getsockname()[1])
    except OSError:
        holder.close()
        raise
    if sys.platform != "linux":
        holder.close()
    _held[port] = holder
    return port


def port_of(name: str, text: str) -> int:
    """The port that a variable names; CannotStart says what is wrong with it."""
    if not (text.isascii() and text.isdecimal()) or int(text) > 65_535:
        raise CannotStart(f"{name} must be a number up to 65535, not {text}")
    return int(text)


def refusal(host: str, origin: str | None, web_origin: str = "") -> str:
    """Why a request may not control the local service, in words, or an empty string.

    A page of another site can make a browser post here, and a name of its own can point to this address. So the
    Host must be ours, and the Origin, if there is one, that of our pages or `web_origin`.
    """
    if _name_of(f"//{host}") not in OURS:
        return f"the Host {host!r} is not the local service; call {HOST}"
    if origin is None or _name_of(origin) in OURS or (web_origin and origin == web_origin):
        return ""
    return f"pages of {origin} may not control the local service; WEB_ORIGIN names one that may"


def _name_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
