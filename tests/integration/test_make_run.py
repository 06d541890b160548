"""`make run` for a newcomer: every failure to start is one line, and stopping leaves no process behind."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.__main__ import stop_all
from local.addresses import lan_address
from local.template import ROOT
from tests.support.api_client import App
from tests.support.local_stack import LocalStack
from tests.support.persons_stack import PersonsStack, eventually
from tools.child_service import STOP_TIMEOUT_S, environment_of
from tools.doctor import is_free


def run(*command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    variables = environment_of({"JSON": "1", "PORT": "0", "SCHEDULES": "off"} | environment)
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60)


def run_local(**environment: str) -> "subprocess.CompletedProcess[str]":
    return run(sys.executable, "-m", "local", **environment)


@pytest.mark.parametrize("variable", ["PORT", "RAZORPAY_PORT", "AWS_PORT"])
def test_busy_port_exits_1_with_one_line(variable: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run_local(STATE=str(tmp_path), **{variable: str(taken.getsockname()[1])})
    assert done.returncode == 1 and "cannot be used" in done.stderr and len(done.stderr.splitlines()) == 1


def test_one_port_for_razorpay_and_aws_exits_1_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    done = run_local(STATE=str(tmp_path), RAZORPAY_PORT=port, AWS_PORT=port)
    assert done.returncode == 1 and f"AWS_PORT {port} cannot be used" in done.stderr
    assert len(done.stderr.splitlines()) == 1


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
    no_index |= {"PIP_NO_CACHE_DIR": "1", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "PATH": "/usr/bin:/bin"}
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
    local_stack.process.wait(STOP_TIMEOUT_S)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while any(is_alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in children if is_alive(pid)]
    local_stack.stop()


def test_killed_workers_are_replaced_without_a_failed_request(tmp_path: Path) -> None:
    local_stack = LocalStack(tmp_path)
    try:
        app = App(local_stack)
        app.top_up("75.00")
        parents = {pid for pid in descendants(local_stack.process.pid) if len(descendants(pid)) > 1}
        nursery = min(parents, key=lambda pid: len(descendants(pid)))  # the other one is its parent
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


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PersonsStack]:
    """The service as a person starts it, with a banner, stories and readable lines."""
    running = PersonsStack(tmp_path_factory.mktemp("person"), PORT="0")
    yield running
    running.stop()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_banner_commands_work_when_pasted(shell: str, person: PersonsStack) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, "-c", "\n".join(person.commands)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and not done.stderr, done.stderr
    *_, payment, transactions = done.stdout.splitlines()
    assert "/checkout?order_id=order_" in done.stdout and "razorpay_signature" in payment
    newest = json.loads(transactions)["results"][0]
    assert (newest["amount"], newest["status"]) == ("500.00", "completed")


def test_banner_commands_need_no_interactive_comments(person: PersonsStack) -> None:
    """An interactive zsh knows no comments and waits for the second quotation mark of every apostrophe."""
    assert len(person.commands) == 5
    assert not any("#" in line for line in person.commands)
    assert all(line.count("'") % 2 == 0 for line in person.banner)


def test_banner_has_at_most_twenty_lines(person: PersonsStack) -> None:
    assert len(person.banner) <= 20
    text = "\n".join(person.banner)
    assert "Asha has 1,250.00" in text and "Sunita (support)" in text and person.api in text


def test_banner_names_served_pages_only(person: PersonsStack) -> None:
    links = {url for line in person.banner for url in re.findall(r"http://\S+?/[\w./]*", line) if "$" not in line}
    links -= {f"{person.api}/api"}
    assert f"{person.api}/openapi.json" in links
    assert all(requests.get(url, timeout=5).status_code == 200 for url in links)


def test_env_file_is_for_its_owner_only(person: PersonsStack) -> None:
    file = person.state / "env"
    assert file.stat().st_mode & 0o077 == 0
    names = re.findall(r"^export (\w+)=\S+$", file.read_text(), re.MULTILINE)
    assert len(names) == len(file.read_text().splitlines())
    assert {"API", "RAZORPAY", "ASHA", "ESHA", "SUPPORT", "STAFF"} <= set(names)


def test_customers_have_the_stories_of_the_banner(person: PersonsStack) -> None:
    assert person.get("ASHA", "/api/payments/wallets/")["results"][0]["balance"] == "1250.00"
    assert {row["type"] for row in person.get("ASHA", "/api/payments/payment-methods/")["results"]} == {"upi", "card"}
    (image,) = eventually(lambda: person.get("ASHA", "/api/mobile/images/?status=ready")["results"])
    assert image["status"] == "ready"
    (chitra,) = person.get("CHITRA", "/api/payments/payments/")["results"]
    assert chitra["status"] not in ("captured", "failed") and chitra["amount"] == "300.00"
    (dev,) = eventually(lambda: refunded(person.get("DEV", "/api/payments/payments/")["results"]))
    assert dev["amount_refunded"] == "199.00"
    (esha,) = eventually(lambda: in_review(person.get("ESHA", "/api/payments/payments/")["results"]))
    assert esha["amount"] == "799.00"


def refunded(payments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [payment for payment in payments if payment["amount_refunded"] != "0.00"]


def in_review(payments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [payment for payment in payments if payment["in_review"]]


def test_stories_are_made_once(tmp_path: Path) -> None:
    for _ in range(2):
        running = PersonsStack(tmp_path, PORT="0")
        try:
            assert running.get("ASHA", "/api/payments/wallets/")["results"][0]["balance"] == "1250.00"
        finally:
            running.stop()


def test_script_gets_customers_without_stories(local_stack: LocalStack) -> None:
    assert [customer["name"] for customer in local_stack.customers] == ["Asha", "Bilal", "Chitra", "Dev", "Esha"]
    assert App(local_stack, local_stack.customers[4]).call("GET", "/payments/").json()["count"] == 0


def test_request_and_webhook_have_one_line_each(person: PersonsStack) -> None:
    person.get("DEV", "/api/payments/payments/")
    requests.get(f"{person.api}/api/payments/payments/", timeout=5)
    requests.post(f"{person.api}/api/payments/webhooks/razorpay/", data="{}", timeout=5)
    text = eventually(lambda: person.text() if "hook   an event" in person.text() else "")
    assert re.search(r"^\d\d:\d\d:\d\d  200  GET    /api/payments/payments/  \d+ ms  Dev$", text, re.MULTILINE)
    assert re.search(r"  401  GET    /api/payments/payments/  \d+ ms  not_authenticated$", text, re.MULTILINE)
    assert re.search(r"  401  hook   an event that cannot be read  \d+ ms  \w+$", text, re.MULTILINE)
    assert not any(line.startswith("{") for line in text.splitlines())
    assert '"message":"request"' in (person.state / "functions.log").read_text()


def test_logs_json_prints_the_functions_own_lines(tmp_path: Path) -> None:
    running = PersonsStack(tmp_path, PORT="0", LOGS="json", SEEDS="off")
    try:
        running.get("DEV", "/api/payments/payments/")
        line = eventually(lambda: next((row for row in running.lines if row.startswith("{")), ""))
        assert json.loads(line)["route"] == "GET /api/payments/payments"
        assert "  GET  " not in running.text()
    finally:
        running.stop()


def test_raw_lines_of_the_stories_wait_for_the_ready_line(tmp_path: Path) -> None:
    local_stack = LocalStack(tmp_path, SEEDS="on")
    try:
        assert json.loads(local_stack.ready_line)["api"] == local_stack.api
        assert eventually(lambda: '"message":"request"' in local_stack.log_text())
    finally:
        local_stack.stop()


def test_taken_default_port_gives_way_to_a_free_one(tmp_path: Path) -> None:
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        except OSError:
            pass  # some other program has it
        running = PersonsStack(tmp_path, SEEDS="off")
        running.stop()
    assert ":8787" not in running.api
    assert "port 8787 is taken by another program" in "\n".join(running.banner)


def test_ports_follow_the_one_of_the_api_on_the_network_too(tmp_path: Path) -> None:
    port = next(port for port in range(20_000, 30_000, 3) if all(is_free(port + more) for more in range(3)))
    running = PersonsStack(tmp_path, PORT=str(port), SEEDS="off", HOST="lan")
    try:
        address = f"http://{lan_address()}"
        assert f"{address}:{port + 1}" in running.text() and f"{address}:{port + 2}" in running.text()
        for page in (f"{address}:{port}/docs", f"http://127.0.0.1:{port}/docs", f"{address}:{port + 1}/checkout"):
            assert requests.get(page, timeout=5).status_code == 200
    finally:
        running.stop()


def test_second_run_in_the_same_folder_is_refused(local_stack: LocalStack) -> None:
    done = run_local(STATE=str(local_stack.state))
    assert done.returncode == 1 and "already running" in done.stderr and len(done.stderr.splitlines()) == 1


def test_reset_is_refused_while_the_service_runs(local_stack: LocalStack) -> None:
    done = run(sys.executable, "-m", "local", "reset", STATE=str(local_stack.state))
    assert done.returncode == 1 and "already running" in done.stderr and len(done.stderr.splitlines()) == 1
    assert (local_stack.state / "aws.log").exists()


def test_throttled_table_makes_the_service_unavailable(local_stack: LocalStack) -> None:
    faults, headers = (
        f"{local_stack.api}/_local/faults",
        {"Authorization": f"Bearer {App(local_stack).customer['token']}"},
    )

    def read_wallet() -> int:
        return requests.get(f"{local_stack.api}/api/payments/wallets/", headers=headers, timeout=20).status_code

    requests.post(faults, json={"tables": ["WalletEntriesTable"]}, timeout=5)
    try:
        assert read_wallet() == 503
    finally:
        requests.post(faults, json={"tables": []}, timeout=5)
    assert read_wallet() == 200


def test_reset_deletes_the_state(tmp_path: Path) -> None:
    state = tmp_path / "state"
    LocalStack(state).stop()
    done = run(sys.executable, "-m", "local", "reset", STATE=str(state))
    assert done.returncode == 0 and not state.exists()


def test_reset_deletes_no_folder_of_others(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("")
    done = run(sys.executable, "-m", "local", "reset", STATE=str(tmp_path))
    assert done.returncode == 1 and (tmp_path / "letter").exists() and len(done.stderr.splitlines()) == 1


def test_part_that_cannot_stop_does_not_keep_the_others_running(capsys: pytest.CaptureFixture[str]) -> None:
    stopped: list[str] = []

    def fail() -> None:
        raise OSError("broken")

    stop_all([lambda: stopped.append("first"), fail, lambda: stopped.append("last")])
    assert stopped == ["last", "first"] and "broken" in capsys.readouterr().err


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
