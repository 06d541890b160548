"""The running service and its Razorpay stand-in, for the commands."""

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from local.addresses import CannotStart
from local.banner import ENV
from local.state import state_folder

TIMEOUT_S = 30
NOT_RUNNING = "No service answers. Start it in another terminal: make run"


@dataclass(frozen=True)
class Service:
    """What `make run` wrote into its file of variables: addresses, keys and tokens."""

    variables: dict[str, str]

    @property
    def api(self) -> str:
        return self.variables["API"]

    @property
    def webhook_secret(self) -> str:
        return self.variables["WEBHOOK_SECRET"]

    def control(self, action: str, body: Any) -> Any:
        """Do an action of the stand-in; CannotStart with its words if it refuses."""
        url = self.variables["RAZORPAY"]
        if not url.startswith("http://"):
            raise CannotStart(
                "The service talks to Razorpay's test mode, where nothing can be triggered. Use: listen"
            )
        return post(f"{url}/_control/{action}", body)

    def new_customer(self) -> str:
        """The token of a customer who did not exist before."""
        return str(post(f"{self.api}/_local/customers", {"name": "Trigger"})["token"])

    def post(self, path: str, body: Any, token: str) -> Any:
        return post(self.api + path, body, {"Authorization": f"Bearer {token}"})

    def balance(self, token: str) -> str:
        request = urllib.request.Request(
            f"{self.api}/api/payments/wallets/", headers={"Authorization": f"Bearer {token}"}
        )
        return str(_answer(request)["results"][0]["balance"])


def running_service() -> Service:
    """The service that runs; CannotStart if none ever did."""
    try:
        text = (state_folder() / ENV).read_text()
    except FileNotFoundError:
        raise CannotStart(NOT_RUNNING) from None
    return Service(dict(re.findall(r"^export (\w+)=(.*)$", text, re.MULTILINE)))


def post(url: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    headers = {"Content-Type": "application/json", **(headers or {})}
    return _answer(urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers, method="POST"))


def _answer(request: urllib.request.Request) -> Any:
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return json.loads(response.read())
    except urllib.error.HTTPError as error:
        raise CannotStart(f"{request.full_url} answered {error.code}: {error.read().decode()}") from None
    except OSError:
        raise CannotStart(NOT_RUNNING) from None
