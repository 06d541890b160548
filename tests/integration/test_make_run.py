"""`make run` as a newcomer meets it: its refusals are one line each, and it leaves nothing behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.app import App
from tests.conftest import ROOT, Bundle


def run(*command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "JSON": "1", "PORT": "0", "SCHEDULES": "off", **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)


def local(**environment: str) -> "subprocess.CompletedProcess[str]":
    return run(sys.executable, "-m", "local", **environment)


def test_a_busy_port_is_one_line_and_exit_1(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = local(PORT=str(taken.getsockname()[1]), STATE=str(tmp_path))
    assert done.returncode == 1 and "cannot be used" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_port_that_is_no_number_is_one_line_and_exit_1(tmp_path: Path) -> None:
    done = local(PORT="http", STATE=str(tmp_path))
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1


def test_a_state_folder_that_cannot_be_used_is_one_line_and_exit_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = local(STATE=str(tmp_path / "file" / "state"))
    assert done.returncode == 1 and "state folder" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_saved_state_that_cannot_be_read_is_one_line_and_exit_1(tmp_path: Path) -> None:
    (tmp_path / "gateway.json").write_text("{cut sho")
    done = local(STATE=str(tmp_path))
    assert done.returncode == 1 and "make reset" in done.stderr and len(done.stderr.splitlines()) == 1


def test_too_old_a_python_is_one_line_and_exit_1() -> None:
    """The script's own test of the version, with the version it would find."""
    code = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path('local/setup.py', run_name='__main__')"
    done = run(sys.executable, "-c", code)
    assert done.returncode == 1 and "Python 3.11 or newer" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_first_set_up_without_network_says_so_and_exits_1(tmp_path: Path) -> None:
    for name in ("local", "requirements.txt"):
        source = ROOT / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path / name)
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    nowhere |= {"PIP_NO_CACHE_DIR": "1", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
    done = run(sys.executable, str(tmp_path / "local" / "setup.py"), **nowhere)
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and lines[0].startswith("Setting up") and "cannot be reached" in lines[-1]
    assert "Traceback" not in done.stderr and not (tmp_path / ".venv").exists()


def descendants(pid: int) -> set[int]:
    """The processes below one, by the kernel's own list."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found, waiting = set(), [pid]
    while waiting:
        below = {child for child, parent in parents.items() if parent == waiting[-1]}
        waiting.pop()
        waiting += below - found
        found |= below
    return found


def is_alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopping_leaves_no_process_behind(sent: signal.Signals, tmp_path: Path) -> None:
    bundle = Bundle(tmp_path)
    below = descendants(bundle.process.pid)
    assert len(below) >= 3
    bundle.process.send_signal(sent)
    bundle.process.wait(3)
    deadline = time.monotonic() + 2
    while any(is_alive(pid) for pid in below) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in below if is_alive(pid)]
    bundle.stop()


def test_workers_that_were_killed_are_replaced_before_anyone_notices(tmp_path: Path) -> None:
    bundle = Bundle(tmp_path)
    try:
        app = App(bundle)
        app.topped_up("75.00")
        (nursery,) = {pid for pid in descendants(bundle.process.pid) if len(descendants(pid)) > 1}
        for _ in range(2):
            workers = descendants(nursery)
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
            while any(is_alive(worker) for worker in workers):
                time.sleep(0.01)
            assert [app.balance for _ in range(8)] == ["75.00"] * 8
    finally:
        bundle.stop()


def test_what_was_there_is_there_again_after_a_stop_in_order(tmp_path: Path) -> None:
    first = Bundle(tmp_path)
    App(first, first.customers[0]).topped_up("75.00")
    first.stop()
    second = Bundle(tmp_path)
    try:
        app = App(second, first.customers[0])  # the token of before is still good
        assert app.balance == "75.00"
        assert app.topped_up("25.00") and app.balance == "100.00"
    finally:
        second.stop()


def test_the_banner_shows_commands_that_work_when_pasted(bundle: Bundle) -> None:
    page = requests.get(bundle.api, timeout=5).text
    exports = [line.strip() for line in page.splitlines() if line.strip().startswith("export ")]
    start = page.index("  curl -s")
    commands = page[start : page.index("Or pay in a browser")]
    script = "set -e\n" + "\n".join(exports) + "\n" + commands
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"amount":"500.00"') == 1 and '"balance_after":"500.00"' in done.stdout


def test_everything_listens_on_the_loopback_alone(bundle: Bundle) -> None:
    mine = {bundle.process.pid, *descendants(bundle.process.pid)}
    inodes = set()
    for pid in mine:
        for fd in (Path("/proc") / str(pid) / "fd").iterdir():
            target = os.readlink(fd)
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and row[9] in inodes]
    assert listening and all(address.startswith("0100007F:") for address in listening)
