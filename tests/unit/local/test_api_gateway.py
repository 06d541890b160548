"""The local API Gateway reports its own faults, and no caller that hangs up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.actions import DeveloperControls
from local.api_gateway import Api
from local.issuer import Issuer
from local.log import Log
from local.memory import Clock, Faults
from local.template import Template


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    controls = DeveloperControls(Clock(), Faults(), Issuer(tmp_path), Issuer.for_staff(tmp_path))
    api = Api(0, Template(), controls, Log(tmp_path / "functions.log", is_raw=False, is_direct=True))
    api.log.speak()
    yield api
    api.server_close()


@pytest.mark.parametrize(
    "error, is_reported",
    [(BrokenPipeError(), False), (ConnectionResetError(), False), (KeyError("a bug"), True), (OSError(), True)],
)
def test_fault_is_reported_unless_the_caller_hung_up(
    error: Exception, is_reported: bool, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        raise error
    except Exception:
        api.handle_error(None, None)
    assert (repr(error).partition("(")[0] in capsys.readouterr().out) == is_reported
