"""Texts of rejected photos."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_rejection_texts_need_no_imaging_layer() -> None:
    code = "import sys, shared.images.rejections\nassert 'PIL' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
