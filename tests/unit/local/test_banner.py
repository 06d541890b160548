"""The banner of `make run` in Razorpay's test mode, where no command pays."""

import subprocess
from pathlib import Path

from local.banner import LINES_MAX, banner

READY = {
    "api": "http://127.0.0.1:8787",
    "razorpay": "https://api.razorpay.com",
    "s3": "http://127.0.0.1:8789",
    "staff": [{"name": "Sunita", "groups": ["support"]}],
    "ready_s": 1.3,
}
NOTES = ["payments go to https://api.razorpay.com as rzp_test_x.", "python -m local.rzp listen"]


def test_banner_of_the_test_mode_offers_nothing_of_the_stand_in() -> None:
    text = banner(READY, Path("/state/env"), False, NOTES, is_test_mode=True)
    assert "_control" not in text and "stand-in" not in text and "local.rzp listen" in text
    assert len(text.splitlines()) <= LINES_MAX
    commands = "\n".join(line for line in text.splitlines() if line.startswith(("  source", "  export", "  echo")))
    assert subprocess.run(["bash", "-n"], input=commands, text=True, capture_output=True).returncode == 0
