"""`make doctor`: it checks what `make run` uses, before a package is installed and on an old Python."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.template import ROOT
from tools import doctor, setup


def test_state_of_a_real_account_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE", raising=False)
    monkeypatch.delenv("RAZORPAY_KEY_ID", raising=False)
    assert doctor.state() == (doctor.OK, f"the state folder is {ROOT / '.garment-pay'}")
    monkeypatch.setenv("RAZORPAY_KEY_ID", "rzp_test_developer")
    assert doctor.state() == (doctor.OK, f"the state folder is {ROOT / '.garment-pay-test-mode'}")


def test_state_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STATE", str(tmp_path / "mine"))
    assert doctor.state() == (doctor.OK, f"the state folder is {tmp_path / 'mine'}")


def test_checks_of_the_service_need_no_package() -> None:
    code = "from tools import doctor; print(doctor.state()[0], doctor.phone()[0] in (doctor.OK, doctor.ABSENT))"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == [doctor.OK, "True"], done.stderr


def test_old_python_is_named_and_reads_nothing_newer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "PYTHON_MIN", (99, 0))
    monkeypatch.setattr(doctor, "CHECKS", (doctor.python, doctor.state, doctor.phone))
    assert doctor.main() == 1
    first, last = capsys.readouterr().out.splitlines()
    assert "or newer is required" in first and last == "make run cannot work until 1 of these are fixed."
