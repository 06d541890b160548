"""Texts of rejected photos, and whether sending one again can help."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.images.rejections import REJECTION_RETRIES, REJECTION_TEXTS

ROOT = Path(__file__).resolve().parents[3]


def test_rejection_texts_need_no_imaging_layer() -> None:
    code = "import sys, shared.images.rejections\nassert 'PIL' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_every_code_says_whether_sending_again_can_help() -> None:
    assert REJECTION_RETRIES.keys() == REJECTION_TEXTS.keys()
    helped = {code for code, retry in REJECTION_RETRIES.items() if retry}
    assert helped == {"corrupt", "truncated", "checksum_mismatch", "processing_failed"}


@pytest.mark.parametrize("code", REJECTION_TEXTS)
def test_text_asks_for_the_same_photo_where_that_can_help(code: str) -> None:
    asks_again = any(words in REJECTION_TEXTS[code] for words in ("photo again.", "it again."))
    assert asks_again == REJECTION_RETRIES[code]
