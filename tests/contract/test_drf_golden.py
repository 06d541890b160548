"""The app's contract: every recorded answer of the backend it was written against, replayed over HTTP."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.api_document import response_violations

RECORDED: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("drf_golden.json").read_text(encoding="utf-8")
)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ID = re.compile(r"<id \d+>")
NEW_WALLET_KEYS = ["held", "available", "owed", "expiring"]  # after the recorded ones, and all that is new
TIMEOUT_S = 20


class Replay:
    """One case: a fresh customer, the ids that it saved, and those of a second customer when it asks for them."""

    def __init__(self, local_stack: Any) -> None:
        self.local_stack = local_stack
        self.api: str = local_stack.api.rstrip("/")
        self.token: str = local_stack.new_customer()["token"]
        self.saved: dict[str, str] = {}
        self.ids: dict[str, str] = {}

    def send(self, step: dict[str, Any], token: str | None) -> requests.Response:
        body = step["raw"] if step["raw"] is not None else None
        if step["raw"] is None and step["body"] is not None:
            body = json.dumps(step["body"])
        headers = {"Content-Type": step["content_type"]} | ({"Authorization": f"Bearer {token}"} if token else {})
        return requests.request(
            step["method"],
            self.api + self.path(step["path"]),
            data=body.encode() if body is not None else None,
            headers=headers,
            timeout=TIMEOUT_S,
        )

    def path(self, template: str) -> str:
        def known(match: re.Match[str]) -> str:
            name, _, conversion = match[1].partition("!")
            if name.startswith("other_") and name not in self.saved:
                self.meet_another()
            return self.saved[name].upper() if conversion == "u" else self.saved[name]

        return re.sub(r"\{([^}]+)\}", known, template)

    def meet_another(self) -> None:
        headers = {"Authorization": f"Bearer {self.local_stack.new_customer()['token']}"}
        wallets = requests.get(f"{self.api}/api/payments/wallets/", headers=headers, timeout=TIMEOUT_S)
        method = requests.post(
            f"{self.api}/api/payments/payment-methods/",
            json={"type": "upi", "upi_id": "ravi@ybl"},
            headers=headers,
            timeout=TIMEOUT_S,
        )
        self.saved["other_wallet"] = wallets.json()["results"][0]["id"]
        self.saved["other_method"] = method.json()["id"]

    def save(self, name: str, answer: Any) -> None:
        self.saved[name] = answer["id"] if "id" in answer else answer["results"][0]["id"]

    def compare(self, recorded: Any, answered: Any, where: str = "") -> None:
        """Values and their types: 0 is not 0.0 is not false."""
        if isinstance(recorded, str) and ID.fullmatch(recorded):
            assert isinstance(answered, str) and UUID.fullmatch(answered), where
            assert self.ids.setdefault(recorded, answered) == answered, where
            assert len(set(self.ids.values())) == len(self.ids), where
        elif recorded == "<time>":
            assert isinstance(answered, str) and TIME.fullmatch(answered), where
        elif isinstance(recorded, str):
            assert answered == recorded.replace("<host>", self.api), where
        elif isinstance(recorded, dict):
            assert isinstance(answered, dict) and list(answered) == list(recorded), where
            for name, value in recorded.items():
                self.compare(value, answered[name], f"{where}.{name}")
        elif isinstance(recorded, list):
            assert isinstance(answered, list) and len(answered) == len(recorded), where
            for place, value in enumerate(recorded):
                self.compare(value, answered[place], f"{where}[{place}]")
        else:
            assert type(answered) is type(recorded) and answered == recorded, where


def without_new_keys(answered: Any) -> Any:
    """The answer with exactly the four new keys taken off its wallets, which are what has `cashback`."""
    if isinstance(answered, list):
        return [without_new_keys(item) for item in answered]
    if not isinstance(answered, dict):
        return answered
    if "cashback" in answered:
        assert list(answered)[-4:] == NEW_WALLET_KEYS
        answered = dict(list(answered.items())[:-4])
    return {name: without_new_keys(value) for name, value in answered.items()}


@pytest.mark.parametrize("case", RECORDED)
def test_the_recorded_answers_are_given_again(local_stack: Any, case: str) -> None:
    replay = Replay(local_stack)
    for step in RECORDED[case]:
        response = replay.send(step, replay.token if step["auth"] else None)
        where = f"{step['method']} {step['path']}"
        body = response.json() if response.content else None
        path = replay.path(step["path"])
        assert response_violations(step["method"], path, response.status_code, body) == [], where
        if step["status"] < 300 and step["path"].rstrip("/").endswith(("add_balance", "add-money")):
            assert response.status_code // 100 == 2, where  # what it starts is this backend's own
            continue
        assert response.status_code == step["status"], f"{where}: {response.text}"
        if step["status"] == 204:
            assert response.content == b"", where
            continue
        assert response.headers["Content-Type"] == "application/json"
        if step["status"] == 401:
            assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'
        answered = without_new_keys(response.json())
        replay.compare(step["answer"], answered, where)
        if step["save"]:
            replay.save(step["save"], answered)


def test_the_recording_is_whole() -> None:
    assert len(RECORDED) >= 58
    assert sum(len(steps) for steps in RECORDED.values()) >= 100
