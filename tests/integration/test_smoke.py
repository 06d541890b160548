"""The smoke test of a deployment, run against the local service."""

import pytest

from tests.support.api_client import App
from tests.support.local_stack import LocalStack
from tools.smoke import main


def test_smoke_test_passes_and_leaves_nothing(local_stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> None:
    app = App(local_stack)
    assert main([local_stack.api, app.customer["token"]]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "everything answers" and all(line.startswith("ok ") for line in lines[:-1])
    assert app.get("/payments/")["count"] == 0 and app.get("/api/mobile/images/")["count"] == 0


def test_smoke_test_fails_with_a_bad_token(local_stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([local_stack.api, "not.a.token"]) == 1
    assert "FAILED  the wallet: 401 instead of 200" in capsys.readouterr().out


def test_smoke_test_fails_without_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["http://127.0.0.1:9", "token"]) == 1
    assert "FAILED  no token is a 401: 0 instead of 401" in capsys.readouterr().out
