"""Ask a deployed API what an app asks first: `python -m tools.smoke URL TOKEN`. It changes nothing that lasts.

A token of a customer is enough. The last line says whether everything answered as it should.
"""

import json
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

TIMEOUT_S = 30
Answer = tuple[int, dict[str, str], Any]  # status, headers by lower-case name, body


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("python -m tools.smoke URL TOKEN", file=sys.stderr)
        return 2
    url, token = arguments
    failed = 0
    for name, problem in checks(url.rstrip("/"), token):
        print(f"{'FAILED' if problem else 'ok':<7} {name}{f': {problem}' if problem else ''}", flush=True)
        failed += bool(problem)
    print("everything answers" if not failed else f"{failed} of the checks failed")
    return 1 if failed else 0


def checks(url: str, token: str) -> Iterator[tuple[str, str]]:
    """The name of each check and what is wrong, or an empty text."""
    yield "no token is a 401", problem_in(ask(url, "GET", "/api/payments/wallets/"), 401, "not_authenticated")
    wrong = ask(url, "GET", "/api/payments/wallets/", "not.a.token")
    # API Gateway writes this response, with the authorizer's code. The stand-in of `make stack` leaves the code out.
    yield "a wrong token is a 401", problem_in(wrong, 401, wrong[1].get("x-error-code") and "token_invalid")
    yield "no staff without their token", problem_in(ask(url, "GET", "/api/staff/reviews/", token), 401)
    yield "an unknown path is a 404", problem_in(ask(url, "GET", "/api/nothing/", token), 404, "not_found")
    unsigned = ask(url, "POST", "/api/payments/webhooks/razorpay/", body={"event": "payment.captured"})
    yield "an unsigned webhook is a 401", problem_in(unsigned, 401, "not_authenticated")
    wallets = ask(url, "GET", "/api/payments/wallets/", token)
    yield "the wallet", problem_in(wallets, 200)
    yield "the transactions", problem_in(ask(url, "GET", "/api/payments/wallets/transactions/", token), 200)
    yield "the limits", problem_in(ask(url, "GET", "/api/payments/limits/", token), 200)
    yield "the payments", problem_in(ask(url, "GET", "/api/payments/payments/", token), 200)
    dry_run = ask(url, "POST", "/api/payments/wallets/add-money/?dry_run=true", token, {"amount": "100.00"})
    yield "a top-up, as a dry run", problem_in(dry_run, 200)
    too_poor = {"amount": "90000000.00", "source": "wallet"}
    spend = ask(url, "POST", "/api/payments/payments/?dry_run=true", token, too_poor, str(uuid.uuid4()))
    yield "a payment that the wallet cannot pay is a 400", problem_in(spend, 400)
    upload = ask(url, "POST", "/api/mobile/upload-image/", token, {"content_type": "image/jpeg", "size_bytes": 1000})
    yield "an upload", problem_in(upload, 201)
    if upload[0] == 201:
        deleted = ask(url, "DELETE", f"/api/mobile/images/{upload[2]['id']}/", token)
        yield "its deletion", problem_in(deleted, 204)


def ask(url: str, method: str, path: str, token: str = "", body: Any = None, key: str = "") -> Answer:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"Idempotency-Key": key} if key else {}
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            status, found, text = response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        status, found, text = error.code, error.headers, error.read()
    except OSError as error:
        return 0, {}, str(error)
    try:
        return status, {name.lower(): value for name, value in found.items()}, json.loads(text or b"null")
    except ValueError:
        return status, {}, text.decode("utf-8", "replace")


def problem_in(answer: Answer, status: int, code: str | None = None) -> str:
    actual, headers, body = answer
    if actual != status:
        return f"{actual} instead of {status}: {json.dumps(body)[:200]}"
    if code and headers.get("x-error-code") != code:
        return f"X-Error-Code is {headers.get('x-error-code')} instead of {code}"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
