"""The SAM CLI has the commands and options that the documents use."""

import os
import subprocess

import pytest

from local.template import ROOT
from tests.support.documents import SAM_OPTIONS

pytestmark = pytest.mark.artifact


@pytest.mark.parametrize("command", SAM_OPTIONS)
def test_sam_help_lists_the_options(command: str) -> None:
    sam = ROOT / ".venv-sam" / "bin" / "sam"
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(
        [sam, *command.split(), "--help"], env=environment, capture_output=True, text=True, check=True
    )
    assert {option for option in SAM_OPTIONS[command] if option not in done.stdout} == set()
