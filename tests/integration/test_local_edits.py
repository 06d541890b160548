"""While `make run` runs: edited code, pages of other origins, and controls that other sites cannot reach."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local.template import ROOT
from tests.support.local_stack import LocalStack
from tests.support.persons_stack import PersonsStack, eventually

WEB = "http://localhost:5173"
FUNCTION = "functions/wallets/list.py"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project to edit."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("functions", "shared", "local"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("template.yaml", "openapi.json"):
        shutil.copy(ROOT / name, root / name)
    (root / ".venv-ministack").symlink_to(ROOT / ".venv-ministack")
    return root


@pytest.fixture(scope="module")
def person(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PersonsStack]:
    state = tmp_path_factory.mktemp("edits")
    running = PersonsStack(state, root=copy, PORT="0", SEEDS="off", WEB_ORIGIN=WEB)
    yield running
    running.stop()


@pytest.fixture
def file(copy: Path) -> Iterator[Path]:
    text = (copy / FUNCTION).read_text()
    yield copy / FUNCTION
    (copy / FUNCTION).write_text(text)


def answer(person: PersonsStack) -> requests.Response:
    headers = {"Authorization": f"Bearer {person.token('BILAL')}"}
    return requests.get(f"{person.api}/api/payments/wallets/", headers=headers, timeout=30)


def test_edited_file_serves_the_next_request(person: PersonsStack, file: Path) -> None:
    text = file.read_text()
    assert answer(person).status_code == 200
    for status in (418, 419):  # of one size, within a second
        file.write_text(text.replace("Response(200", f"Response({status}"))
        assert answer(person).status_code == status
    lines = eventually(lambda: [line for line in person.lines if f"{FUNCTION} changed: reloaded in" in line])
    assert len(lines) == 2


def test_broken_edit_leaves_the_code_before_it(person: PersonsStack, file: Path) -> None:
    text = file.read_text()
    assert answer(person).status_code == 200
    file.write_text("def broken(:\n")
    assert answer(person).status_code == 200
    lines = eventually(lambda: [line for line in person.lines if "the code before it still runs" in line])
    assert FUNCTION in lines[0] and "SyntaxError" in lines[0]
    file.write_text(text.replace("Response(200", "Response(418"))
    assert answer(person).status_code == 418


def test_requests_under_way_survive_an_edit(person: PersonsStack, file: Path) -> None:
    statuses: list[int] = []
    phones = [
        threading.Thread(target=lambda: statuses.extend(answer(person).status_code for _ in range(10)))
        for _ in range(8)
    ]
    for phone in phones:
        phone.start()
    for number in range(3):
        file.write_text(f"{file.read_text()}# edit {number}\n")
        assert answer(person).status_code == 200
    for phone in phones:
        phone.join()
    assert statuses == [200] * 80


def test_template_change_asks_for_a_restart(person: PersonsStack, copy: Path) -> None:
    with (copy / "template.yaml").open("a") as template:
        template.write("# edited\n")
    answer(person)
    assert eventually(
        lambda: [line for line in person.lines if line == "template.yaml changed: restart make run to use it"]
    )


def test_page_of_the_web_origin_may_call_the_api(person: PersonsStack) -> None:
    url = f"{person.api}/api/payments/wallets/"
    asked = {"Origin": WEB, "Access-Control-Request-Method": "GET"}
    preflight = requests.options(url, headers=asked, timeout=5)
    assert preflight.status_code == 200 and preflight.headers["Access-Control-Allow-Origin"] == WEB
    assert {"Authorization", "Idempotency-Key"} <= set(preflight.headers["Access-Control-Allow-Headers"].split(","))
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"].split(",")
    customer = requests.post(f"{person.api}/_local/customers", json={}, headers={"Origin": WEB}, timeout=5)
    assert customer.headers["Access-Control-Allow-Origin"] == WEB
    token = {"Authorization": f"Bearer {customer.json()['token']}"}
    by_gateway = requests.get(url, headers={"Origin": WEB}, timeout=5)
    by_function = requests.get(url, headers={"Origin": WEB} | token, timeout=5)
    for response, status in ((by_gateway, 401), (by_function, 200)):
        assert response.status_code == status and response.headers["Access-Control-Allow-Origin"] == WEB
        assert "X-Error-Code" in response.headers["Access-Control-Expose-Headers"].split(",")


def test_page_of_another_origin_may_not_call_the_api(person: PersonsStack) -> None:
    """API Gateway answers everybody alike; a browser compares the origin."""
    asked = {"Origin": "https://other.example", "Access-Control-Request-Method": "GET"}
    for response in (
        requests.options(f"{person.api}/api/payments/wallets/", headers=asked, timeout=5),
        requests.get(f"{person.api}/api/payments/wallets/", headers=asked, timeout=5),
    ):
        assert response.headers["Access-Control-Allow-Origin"] == WEB


def test_without_a_web_origin_no_page_may_call_the_api(local_stack: LocalStack) -> None:
    asked = {"Origin": WEB, "Access-Control-Request-Method": "GET"}
    preflight = requests.options(f"{local_stack.api}/api/payments/wallets/", headers=asked, timeout=5)
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://web-origin.invalid"
    token = {"Authorization": f"Bearer {local_stack.new_customer()['token']}"}
    answered = requests.get(f"{local_stack.api}/api/payments/wallets/", headers=asked | token, timeout=5)
    assert answered.status_code == 200 and "Access-Control-Allow-Origin" not in answered.headers


@pytest.mark.parametrize("action", ["customers", "seeds", "clock", "faults", "invoke"])
@pytest.mark.parametrize("headers", [{"Origin": "https://other.example"}, {"Host": "other.example"}])
def test_other_sites_reach_no_action(action: str, headers: dict[str, str], local_stack: LocalStack) -> None:
    refused = requests.post(f"{local_stack.api}/_local/{action}", json={}, headers=headers, timeout=5)
    assert refused.status_code == 403 and "local service" in refused.json()["detail"]


def test_link_reaches_no_action(local_stack: LocalStack) -> None:
    assert requests.get(f"{local_stack.api}/_local/customers", timeout=5).status_code == 405


def test_unknown_function_is_refused_with_the_known_ones(local_stack: LocalStack) -> None:
    url = f"{local_stack.api}/_local/invoke"
    refused = requests.post(url, json={"function": "Reconcile"}, timeout=5)
    assert refused.status_code == 400 and "ReconcilePayments" in refused.json()["detail"]


def test_api_document_is_served(local_stack: LocalStack) -> None:
    document = requests.get(f"{local_stack.api}/openapi.json", timeout=5)
    assert document.content == (ROOT / "openapi.json").read_bytes()


@pytest.mark.parametrize(
    "path", ["/pages/../api_gateway.py", "/pages/%2e%2e/api_gateway.py", "/pages/", "/pages/none.js"]
)
def test_pages_serve_no_other_file(path: str, local_stack: LocalStack) -> None:
    request = requests.Request("GET", local_stack.api).prepare()
    request.url = local_stack.api + path
    assert requests.Session().send(request, timeout=5).status_code == 404
