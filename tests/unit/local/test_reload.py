"""An edited file is noticed once, and its old bytecode is not used."""

import importlib.util
import os
import py_compile
from pathlib import Path

import pytest

from local.log import readable
from local.reload import Sources, forget_bytecode


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("functions/wallets/list.py", "shared/clock.py", "shared/notes.txt", "template.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("first")
    return tmp_path


def test_unchanged_files_are_not_edited(root: Path) -> None:
    sources = Sources(root)
    assert sources.edited() == []
    (root / "shared" / "notes.txt").write_text("other")
    assert sources.edited() == []


def test_edit_is_noticed_once(root: Path) -> None:
    sources = Sources(root)
    (root / "functions" / "wallets" / "list.py").write_text("other text")
    (root / "template.yaml").write_text("other text")
    assert sources.edited() == ["functions/wallets/list.py", "template.yaml"]
    assert sources.edited() == []


def test_edit_of_the_same_size_is_noticed(root: Path) -> None:
    sources, file = Sources(root), root / "shared" / "clock.py"
    stat = file.stat()
    file.write_text("secnd")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000))
    assert sources.edited() == ["shared/clock.py"]


def test_new_and_deleted_files_are_noticed(root: Path) -> None:
    sources = Sources(root)
    (root / "shared" / "money.py").write_text("")
    (root / "shared" / "clock.py").unlink()
    assert sources.edited() == ["shared/clock.py", "shared/money.py"]


def test_bytecode_of_an_edited_file_is_deleted(root: Path) -> None:
    file = root / "shared" / "clock.py"
    py_compile.compile(str(file))
    cached = Path(importlib.util.cache_from_source(str(file)))
    assert cached.exists()
    forget_bytecode(root, ["shared/clock.py", "shared/gone.py", "template.yaml"])
    assert not cached.exists() and (root / "template.yaml").exists()


def test_line_of_a_request_is_not_repeated() -> None:
    assert readable(b'{"level":"INFO","message":"request","route":"GET /api/payments/payments"}') == ""


def test_error_of_a_function_is_a_line() -> None:
    line = readable(b'{"level":"ERROR","message":"request","route":"GET /x","duration_ms":7.4,"steps":["a"]}')
    assert line.endswith("  error  request  7 ms  route=GET /x")


def test_background_run_that_did_nothing_has_no_line() -> None:
    assert readable(b'{"level":"INFO","message":"schedule","function":"SweepImages","duration_ms":3,"Swept":0}') == ""
    swept = readable(b'{"level":"INFO","message":"schedule","function":"SweepImages","duration_ms":3,"Swept":2}')
    assert swept.endswith("  schedule  SweepImages  3 ms  Swept=2")


def test_text_that_is_no_json_is_printed_as_it_is() -> None:
    assert readable(b"Traceback\n") == "Traceback" and readable(b"[1]\n") == "[1]"
