"""`make run` for a newcomer: every failure to start is one line, and stopping leaves no process behind."""

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

from local.template import ROOT
from tests.support.api_client import App
from tests.support.local_stack import LocalStack


def run(*command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "JSON": "1", "PORT": "0", "SCHEDULES": "off", **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)


def run_local(**environment: str) -> "subprocess.CompletedProcess[str]":
    return run(sys.executable, "-m", "local", **environment)


def test_busy_port_exits_1_with_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run_local(PORT=str(taken.getsockname()[1]), STATE=str(tmp_path))
    assert done.returncode == 1 and "cannot be used" in done.stderr and len(done.stderr.splitlines()) == 1


def test_non_numeric_port_exits_1_with_one_line(tmp_path: Path) -> None:
    done = run_local(PORT="http", STATE=str(tmp_path))
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1


def test_unusable_state_folder_exits_1_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run_local(STATE=str(tmp_path / "file" / "state"))
    assert done.returncode == 1 and "state folder" in done.stderr and len(done.stderr.splitlines()) == 1


def test_unreadable_saved_state_exits_1_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "gateway.json").write_text("{cut sho")
    done = run_local(STATE=str(tmp_path))
    assert done.returncode == 1 and "make reset" in done.stderr and len(done.stderr.splitlines()) == 1


def test_old_python_exits_1_with_one_line() -> None:
    """Runs setup.py with the version number of an older Python."""
    code = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path('tools/setup.py', run_name='__main__')"
    done = run(sys.executable, "-c", code)
    assert done.returncode == 1 and "Python 3.11 or newer" in done.stderr and len(done.stderr.splitlines()) == 1


def test_setup_without_network_says_so_and_exits_1(tmp_path: Path) -> None:
    for name in ("tools", "requirements.txt"):
        source = ROOT / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path / name)
    no_index = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    no_index |= {"PIP_NO_CACHE_DIR": "1", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
    done = run(sys.executable, str(tmp_path / "tools" / "setup.py"), **no_index)
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and lines[0].startswith("Setting up") and "cannot be reached" in lines[-1]
    assert "Traceback" not in done.stderr and not (tmp_path / ".venv").exists()


def descendants(pid: int) -> set[int]:
    """The ids of all processes below this one, read from /proc."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found, unvisited = set(), [pid]
    while unvisited:
        parent_pid = unvisited.pop()
        children = {child for child, parent in parents.items() if parent == parent_pid}
        unvisited += children - found
        found |= children
    return found


def is_alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopping_leaves_no_process_behind(stop_signal: signal.Signals, tmp_path: Path) -> None:
    local_stack = LocalStack(tmp_path)
    children = descendants(local_stack.process.pid)
    assert len(children) >= 3
    local_stack.process.send_signal(stop_signal)
    local_stack.process.wait(3)
    deadline = time.monotonic() + 2
    while any(is_alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in children if is_alive(pid)]
    local_stack.stop()


def test_killed_workers_are_replaced_without_a_failed_request(tmp_path: Path) -> None:
    local_stack = LocalStack(tmp_path)
    try:
        app = App(local_stack)
        app.top_up("75.00")
        (nursery,) = {pid for pid in descendants(local_stack.process.pid) if len(descendants(pid)) > 1}
        for _ in range(2):
            workers = descendants(nursery)
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
            while any(is_alive(worker) for worker in workers):
                time.sleep(0.01)
            assert [app.balance for _ in range(8)] == ["75.00"] * 8
    finally:
        local_stack.stop()


def test_state_and_tokens_survive_a_restart(tmp_path: Path) -> None:
    first = LocalStack(tmp_path)
    App(first, first.customers[0]).top_up("75.00")
    first.stop()
    second = LocalStack(tmp_path)
    try:
        app = App(second, first.customers[0])  # the token from the first run is still valid
        assert app.balance == "75.00"
        assert app.top_up("25.00") and app.balance == "100.00"
    finally:
        second.stop()


def test_banner_commands_work_when_pasted(local_stack: LocalStack) -> None:
    page = requests.get(local_stack.api, timeout=5).text
    exports = [line.strip() for line in page.splitlines() if line.strip().startswith("export ")]
    start = page.index("  curl -s")
    commands = page[start : page.index("Or pay in a browser")]
    script = "set -e\n" + "\n".join(exports) + "\n" + commands
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"amount":"500.00"') == 1 and '"balance_after":"500.00"' in done.stdout


def test_every_port_listens_on_loopback_only(local_stack: LocalStack) -> None:
    pids = {local_stack.process.pid, *descendants(local_stack.process.pid)}
    inodes = set()
    for pid in pids:
        for fd in (Path("/proc") / str(pid) / "fd").iterdir():
            target = os.readlink(fd)
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and row[9] in inodes]
    assert listening and all(address.startswith("0100007F:") for address in listening)
