"""`make run`: the whole service on this machine, ready in seconds. Prints commands to try."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from local.account import Account, account
from local.actions import PHONE_CLAIM, DeveloperControls
from local.addresses import HOST, LOOPBACK, OURS, WEBHOOK_PATH, CannotStart, hold_port, port_of
from local.api_gateway import Api
from local.aws import CREDENTIALS, Ministack
from local.banner import banner, write_env
from local.issuer import AUDIENCE, ISSUER, STAFF_AUDIENCE, STAFF_ISSUER, Issuer
from local.lambda_pool import LambdaPool
from local.log import Log, is_raw, is_script
from local.memory import Clock, Faults
from local.pages_api import PagesApi
from local.razorpay.fake import FakeRazorpay
from local.razorpay.server import serve
from local.razorpay.webhooks import ACCOUNT_ID
from local.s3_events import deliver_uploads
from local.seeds import SEEDS, make_stories
from local.state import lock, reset, state_folder
from local.template import Template

WEBHOOK_SECRET, OLD_WEBHOOK_SECRET = "whsec_local", "whsec_local_old"
STAFF = (  # one for each group, and one in all three
    ("Sunita", "5afa0000-0000-4000-8000-000000000001", ("support",)),
    ("Farid", "5afa0000-0000-4000-8000-000000000002", ("finance",)),
    ("Anjali", "5afa0000-0000-4000-8000-000000000003", ("approver",)),
    ("Omkar", "5afa0000-0000-4000-8000-000000000004", ("support", "finance", "approver")),
)
WEBHOOKS_TIMEOUT_S = 3
Stops = list[Callable[[], object]]  # functions, each of which stops a part of the service
PORT = 8787  # and the two after it, for Razorpay and AWS


def main() -> int:
    started = time.monotonic()
    stopping = threading.Event()

    def stop(signal_number: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    stops: Stops = []
    try:
        if sys.argv[1:] == ["reset"]:
            print(reset())
            return 0
        service = start(stops)
        ready = service.ready | {"ready_s": round(time.monotonic() - started, 1)}
        text = banner(ready, write_env(service.state, ready), service.stories, service.notes, service.is_test_mode)
        print(json.dumps(ready) if is_script() else text, flush=True)
        service.api.front_page = text.encode()
        service.api.log.speak()
        service.api.announced.set()
        while not stopping.wait(0.5):
            pass
        return 0
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        stop_all(stops)


def stop_all(stops: Sequence[Callable[[], object]]) -> None:
    """Stop every part, the last first, also after one that cannot be stopped."""
    for stop_part in reversed(stops):
        try:
            stop_part()
        except Exception as error:
            print(f"{stop_part.__qualname__}: {type(error).__name__}: {error}", file=sys.stderr)


@dataclass(frozen=True)
class Service:
    """The running service: what the ready line says, and what the banner adds to it."""

    api: Api
    state: Path
    ready: dict[str, Any]
    stories: bool
    notes: list[str]
    is_test_mode: bool


def start(stops: Stops) -> Service:
    """Start everything. Each part appends the function that stops it to `stops`, even if a later part fails."""
    state, template, clock, faults, notes = state_folder(), Template(), Clock(), Faults(), list[str]()
    stops.append(lock(state))
    web_origin, real = os.environ.get("WEB_ORIGIN", ""), account()
    has_stories = not real.base_url and os.environ.get("SEEDS", "off" if is_script() else "on") != "off"
    log = Log(state / "functions.log", is_raw(), is_direct=is_raw() and not has_stories)
    controls = DeveloperControls(clock, faults, Issuer(state), Issuer.for_staff(state))
    controls.tables = list(template.of_type("AWS::DynamoDB::Table"))
    api = _api(template, controls, log, web_origin, notes)
    stops.append(api.server_close)
    razorpay_port = _port_beside(api, 1, "RAZORPAY_PORT", os.environ.get("RAZORPAY_PORT"), notes)
    ministack = Ministack(state, port=_port_beside(api, 2, "AWS_PORT", os.environ.get("AWS_PORT"), notes))
    stops.append(ministack.stop)
    environment = _environment(template, real, razorpay_port, api.port, ministack.url)
    os.environ.update({**CREDENTIALS, "AWS_ENDPOINT_URL": ministack.url})
    # The pool forks, so it comes before any thread.
    pool = LambdaPool(template.functions, template.authorizers.values(), environment, clock, faults, log)
    stops.append(pool.stop)
    log.start()
    ministack.wait()
    ministack.create_resources(template, _secrets(real), _origins(api.port, web_origin))
    pool.ready()
    razorpay = serve(_fake_razorpay(state, clock, stops, real), razorpay_port, HOST)
    razorpay.stand_in.webhook_url = api.url + WEBHOOK_PATH
    for trigger in template.triggers:
        stops.append(deliver_uploads(trigger, pool, faults, api.announced, log))
    api.serve(pool)
    controls.seeds = [controls.new_customer(seed.name, seed.id, seed.phone) for seed in SEEDS]
    if has_stories and (problem := make_stories(state, api.url, razorpay.url, controls.seeds)):
        notes.append(f"the customers have no story: {problem}")
        has_stories = False
    _wait_for_webhooks(razorpay.stand_in)
    if real.base_url:
        notes += _notes_on_test_mode(real)
    if os.environ.get("SCHEDULES") != "off":
        api.run_schedules()
    ready = _ready_line(controls, real, api.url, razorpay.url, ministack.url)
    api.pages_api = PagesApi(razorpay.stand_in, ready, environment, controls.names, log)
    return Service(api, state, ready, has_stories, notes, bool(real.base_url))


def _environment(
    template: Template, real: Account, razorpay_port: int, api_port: int, aws_url: str
) -> dict[str, str]:
    """The variables of the functions: the template's, with ours in place of what only AWS has."""
    keys = f"http://{LOOPBACK}:{api_port}/_local"
    ours = {
        "RAZORPAY_BASE_URL": real.base_url or f"http://{HOST}:{razorpay_port}",
        "RAZORPAY_KEY_ID": real.key_id,
        "RAZORPAY_ACCOUNT_ID": "" if real.base_url else ACCOUNT_ID,
        "JWT_ISSUER": ISSUER,
        "JWT_AUDIENCE": AUDIENCE,
        "PHONE_CLAIM": PHONE_CLAIM,
        "JWKS_URL": f"{keys}/jwks.json",
        "STAFF_JWT_ISSUER": STAFF_ISSUER,
        "STAFF_JWT_AUDIENCE": STAFF_AUDIENCE,
        "STAFF_JWKS_URL": f"{keys}/staff_jwks.json",
    }
    wanted = {name: os.environ[name] for name in template.settings() & os.environ.keys()}
    return {**template.environment(wanted | ours), **CREDENTIALS, "AWS_ENDPOINT_URL": aws_url}


def _secrets(real: Account) -> dict[str, Any]:
    return {
        "GatewayKey": {"key_id": real.key_id, "key_secret": real.key_secret},
        "WebhookSecrets": {"active": [WEBHOOK_SECRET, OLD_WEBHOOK_SECRET]},
    }


def _origins(port: int, web_origin: str) -> list[str]:
    """The origins of pages that may upload photos: ours, and WEB_ORIGIN if there is one."""
    ours = (f"http://{name}:{port}" for name in OURS)
    return list(dict.fromkeys([*ours, *filter(None, [web_origin])]))


def _notes_on_test_mode(real: Account) -> list[str]:
    return [
        f"payments go to {real.base_url} as {real.key_id}. In another terminal, with the same keys:",
        f"{sys.executable} -m local.rzp listen",
    ]


def _ready_line(
    controls: DeveloperControls, real: Account, api_url: str, razorpay_url: str, aws_url: str
) -> dict[str, Any]:
    return {
        "api": api_url,
        "razorpay": real.base_url or razorpay_url,
        "s3": aws_url,
        "key_id": real.key_id,
        "key_secret": real.key_secret,
        "webhook_secret": WEBHOOK_SECRET,
        "customers": controls.seeds,
        "staff": [controls.new_staff(*person) for person in STAFF],
    }


def _api(template: Template, controls: DeveloperControls, log: Log, web_origin: str, notes: list[str]) -> Api:
    """The API on PORT, or on the port that is fixed, or on any free one if that is taken."""
    if wanted := os.environ.get("PORT"):
        return Api(port_of("PORT", wanted), template, controls, log, web_origin)
    try:
        return Api(PORT, template, controls, log, web_origin)
    except CannotStart:
        notes.append(f"port {PORT} is taken by another program, so the ports are others this time")
        return Api(0, template, controls, log, web_origin)


def _port_beside(api: Api, offset: int, variable: str, wanted: str | None, notes: list[str]) -> int:
    """The port that the variable names, or the one beside the API's, or any free one if that is taken."""
    if wanted:
        try:
            return hold_port(port_of(variable, wanted))
        except OSError as error:
            raise CannotStart(f"{variable} {wanted} cannot be used ({error.strerror})") from None
    port = api.port + offset
    if api.has_any_port or port > 65_535:
        return hold_port()
    try:
        return hold_port(port)
    except OSError:
        notes.append(f"port {port} is taken by another program; {variable} names another")
        return hold_port()


def _wait_for_webhooks(stand_in: FakeRazorpay) -> None:
    """Let what the seeds caused arrive before the banner, so that nothing pushes it away."""
    deadline = time.monotonic() + WEBHOOKS_TIMEOUT_S
    while not stand_in.outbox.empty() and time.monotonic() < deadline:
        time.sleep(0.02)


def _fake_razorpay(state: Path, clock: Clock, stops: Stops, real: Account) -> FakeRazorpay:
    """The Razorpay account as the previous run saved it."""
    stand_in = FakeRazorpay(real.key_id, real.key_secret, WEBHOOK_SECRET, lambda: int(time.time()) + clock.ahead_s)
    saved = state / "gateway.json"
    if saved.exists():
        try:
            stand_in.load(json.loads(saved.read_text()))
        except (ValueError, KeyError, TypeError):
            raise CannotStart(f"The saved state {saved} cannot be read. make reset deletes it.") from None

    def stop() -> None:
        stand_in.close()
        saved.write_text(json.dumps(stand_in.dump()))

    stops.append(stop)
    return stand_in


if __name__ == "__main__":
    sys.exit(main())
