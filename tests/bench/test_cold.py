"""The packages of the cold start's peers follow the pins."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.bench import cold


def test_peers_packages_are_installed_once_for_the_same_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[Any] = []

    def run(command: list[Any], check: bool) -> None:
        runs.append(command)
        packages.mkdir(exist_ok=True)
        if len(runs) == 1:
            raise subprocess.CalledProcessError(1, command)

    packages = tmp_path / "peers"
    monkeypatch.setattr(cold, "PACKAGES", packages)
    monkeypatch.setattr(cold.subprocess, "run", run)
    with pytest.raises(subprocess.CalledProcessError):
        cold._install_peers(tmp_path / "pins")
    for _ in range(2):  # what the interrupted installation left does not count
        cold._install_peers(tmp_path / "pins")
    assert len(runs) == 2
    monkeypatch.setattr(cold, "PEERS_NEED", ("boto3",))
    cold._install_peers(tmp_path / "pins")
    assert len(runs) == 3
