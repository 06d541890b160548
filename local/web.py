"""The pages that `make run` serves: static files, without a build step.

Files are read for each request, so that an edited page needs only a reload.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from local.template import ROOT

PAGES = ROOT / "local" / "pages"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
SERVICE = {
    "/": "phone.html",
    "/docs": "docs.html",
    "/console": "console.html",
    "/staff": "staff.html",
}  # address -> file
STAND_IN = {"/checkout": "checkout.html", "/v1/checkout.js": "checkout.js"}
NO_STORE = {"Cache-Control": "no-store"}

Response = tuple[int, dict[str, str], bytes]  # status, headers, body


def page(url: str, accept: str, addresses: Mapping[str, str] = SERVICE) -> Response | None:
    """The page or file at this address; None if there is none, or if the caller wants no page at `/`, as curl."""
    path = urlsplit(url).path
    if path == "/" and "text/html" not in accept:
        return None
    if path == "/openapi.json":
        return _file(ROOT / "openapi.json")
    if path.startswith("/pages/"):
        return _file((PAGES / path.removeprefix("/pages/")).resolve())
    name = addresses.get(path.rstrip("/") or "/")
    return _file(PAGES / name) if name else None


def _file(path: Path) -> Response | None:
    is_ours = path.is_relative_to(PAGES) or path == ROOT / "openapi.json"
    if not (is_ours and path.is_file() and path.suffix in TYPES):
        return None
    return 200, {"Content-Type": TYPES[path.suffix], **NO_STORE}, path.read_bytes()
