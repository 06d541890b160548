"""`make run`: the whole service on this machine, ready in seconds. Prints commands to try."""

import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from local.api_gateway import Api
from local.aws import CREDENTIALS, HOST, CannotStart, Ministack, free_port
from local.issuer import AUDIENCE, ISSUER, STAFF_AUDIENCE, STAFF_ISSUER, Issuer
from local.lambda_pool import Clock, Faults, LambdaPool
from local.razorpay.fake import FakeRazorpay
from local.razorpay.server import serve
from local.s3_events import deliver_uploads
from local.template import ROOT, Template

KEY_ID, KEY_SECRET = "rzp_test_GarmentPayLocal", "local_key_secret"
WEBHOOK_SECRET, OLD_WEBHOOK_SECRET = "whsec_local", "whsec_local_old"
WEBHOOK_PATH = "/api/payments/webhooks/razorpay/"
STAFF = (  # one for each group, and one in all three
    ("Sunita", "5afa0000-0000-4000-8000-000000000001", ("support",)),
    ("Farid", "5afa0000-0000-4000-8000-000000000002", ("finance",)),
    ("Anjali", "5afa0000-0000-4000-8000-000000000003", ("approver",)),
    ("Omkar", "5afa0000-0000-4000-8000-000000000004", ("support", "finance", "approver")),
)
SEEDS = (("Asha", "a5a00000-0000-4000-8000-000000000001"), ("Bilal", "b11a0000-0000-4000-8000-000000000002"))


def main() -> int:
    started = time.monotonic()
    stopping = threading.Event()

    def stop(signal_number: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if sys.argv[1:] == ["reset"]:
        shutil.rmtree(_state_folder(), ignore_errors=True)
        print("The local state is deleted.")
        return 0
    running: list[Any] = []
    try:
        api, ready = start(running)
        ready |= {"ready_s": round(time.monotonic() - started, 1)}
        print(json.dumps(ready) if os.environ.get("JSON") == "1" else banner(ready), flush=True)
        api.front_page = banner(ready).encode()
        api.announced.set()
        while not stopping.wait(0.5):
            pass
        return 0
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        for stop_part in reversed(running):
            stop_part()


def start(running: list[Any]) -> tuple[Api, dict[str, Any]]:
    """Start everything. Each part appends the function that stops it to `running`, even if a later part fails."""
    state, template, clock, faults = _state(), Template(), Clock(), Faults()
    api = Api(_port(), template, clock, faults, Issuer(state), Issuer.for_staff(state))
    running.append(api.server_close)
    razorpay_port = int(os.environ.get("RAZORPAY_PORT") or free_port())
    ministack = Ministack(state)
    running.append(ministack.stop)
    environment = template.environment(
        {name: os.environ[name] for name in template.settings() & os.environ.keys()}
        | {
            "RAZORPAY_BASE_URL": f"http://{HOST}:{razorpay_port}",
            "RAZORPAY_KEY_ID": KEY_ID,
            "JWT_ISSUER": ISSUER,
            "JWT_AUDIENCE": AUDIENCE,
            "JWKS_URL": f"{api.url}/_local/jwks.json",
            "STAFF_JWT_ISSUER": STAFF_ISSUER,
            "STAFF_JWT_AUDIENCE": STAFF_AUDIENCE,
            "STAFF_JWKS_URL": f"{api.url}/_local/staff_jwks.json",
        }
    )
    environment |= {**CREDENTIALS, "AWS_ENDPOINT_URL": ministack.url}
    os.environ.update({**CREDENTIALS, "AWS_ENDPOINT_URL": ministack.url})
    # The pool forks, so it comes before any thread.
    pool = LambdaPool(template.functions, template.authorizers.values(), environment, clock, faults)
    running.append(pool.stop)
    ministack.wait()
    secrets = {
        "GatewayKey": {"key_id": KEY_ID, "key_secret": KEY_SECRET},
        "WebhookSecrets": {"active": [WEBHOOK_SECRET, OLD_WEBHOOK_SECRET]},
    }
    ministack.create_resources(template, secrets, web_origin=api.url)
    pool.ready()
    razorpay = serve(_fake_razorpay(state, clock, running), razorpay_port, HOST)
    razorpay.stand_in.webhook_url = api.url + WEBHOOK_PATH
    for trigger in template.triggers:
        running.append(deliver_uploads(trigger, pool, api.announced))
    api.serve(pool)
    api.seeds = [api.new_customer(name, customer_id) for name, customer_id in SEEDS]
    if os.environ.get("SCHEDULES") != "off":
        api.run_schedules()
    return api, {
        "api": api.url,
        "razorpay": razorpay.url,
        "s3": ministack.url,
        "key_id": KEY_ID,
        "key_secret": KEY_SECRET,
        "webhook_secret": WEBHOOK_SECRET,
        "customers": api.seeds,
        "staff": [api.new_staff(*person) for person in STAFF],
    }


def _fake_razorpay(state: Path, clock: Clock, running: list[Any]) -> FakeRazorpay:
    """The Razorpay account as the previous run saved it."""
    stand_in = FakeRazorpay(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, lambda: int(time.time()) + clock.ahead_s)
    saved = state / "gateway.json"
    if saved.exists():
        try:
            stand_in.load(json.loads(saved.read_text()))
        except (ValueError, KeyError, TypeError):
            raise CannotStart(f"The saved state {saved} cannot be read. make reset deletes it.") from None

    def stop() -> None:
        stand_in.close()
        saved.write_text(json.dumps(stand_in.dump()))

    running.append(stop)
    return stand_in


def banner(ready: dict[str, Any]) -> str:
    """The text for a person who starts the service."""
    asha, bilal = ready["customers"]
    support, finance, approver, all_groups = ready["staff"]
    api, razorpay = ready["api"], ready["razorpay"]
    return f"""
garment-pay, ready in {ready["ready_s"]} s

  API       {api}/api/payments/…
  Razorpay  {razorpay}, a stand-in: key {ready["key_id"]}, webhook secret {ready["webhook_secret"]}
  AWS       {ready["s3"]}, a stand-in that saves its state in {_state_folder().name}/
  Photos    {api}/_local/upload, a page that uploads a photo and shows the result

Two customers, Asha and Bilal:

  export ASHA={asha["token"]}
  export BILAL={bilal["token"]}

Staff, one for each group and one in all three:

  export SUPPORT={support["token"]}
  export FINANCE={finance["token"]}
  export APPROVER={approver["token"]}
  export STAFF={all_groups["token"]}

Top up Asha's wallet, pay as she would, read the balance:

  curl -s -H "Authorization: Bearer $ASHA" {api}/api/payments/wallets/
  ORDER=$(curl -s -H "Authorization: Bearer $ASHA" -H "Content-Type: application/json" \\
    -d '{{"amount": "500.00"}}' {api}/api/payments/wallets/add-money/ | grep -oE 'order_\\w{{14}}' | head -1)
  curl -s -d '{{"method": "upi", "outcome": "success", "order_id": "'$ORDER'"}}' {razorpay}/_control/pay
  sleep 1  # Razorpay's webhook arrives
  curl -s -H "Authorization: Bearer $ASHA" {api}/api/payments/wallets/transactions/

Or pay in a browser: {razorpay}/checkout?order_id=$ORDER

Stop with Ctrl-C. make reset deletes everything.
"""


def _state_folder() -> Path:
    return Path(os.environ.get("STATE") or ROOT / ".garment-pay")


def _state() -> Path:
    folder = _state_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "writable").write_text("")
        list(folder.iterdir())
    except OSError as error:
        raise CannotStart(f"The state folder {folder} cannot be used: {error.strerror}") from None
    return folder


def _port() -> int:
    port = os.environ.get("PORT", "8787")
    if not port.isdecimal() or int(port) > 65_535:
        raise CannotStart(f"PORT must be a number up to 65535, not {port}")
    return int(port)


if __name__ == "__main__":
    sys.exit(main())
