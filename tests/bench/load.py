"""`PART=load make bench`: the service of `make run` under load, by 1, 4 and 16 clients after one another.

Each client repeats a day: a top-up is started, paid and verified, then wallet, transactions and payments are read.
After fifty days it is another customer's, since nobody has thousands of top-ups. It prints percentiles of every
request, errors, the CPU of a request, and the memory of the workers. A worker's memory is flat if it hardly grows
between the first fifth of a step, which fills its caches, and the step's end.
"""

import http.client
import json
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.bench.lambda_runtime import cpu_ns
from tests.bench.report import table, verdict
from tests.support.local_stack import LocalStack

CLIENTS = (1, 4, 16)
WORKER_MB_MAX = 30
GROWTH_PERCENT_MAX = 5  # of a worker's resident memory, after the first fifth of a step
WATCH_S = 0.5
DAYS_MAX = 50  # of one customer


class Client:
    """A phone with connections that stay open, for one customer after another."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack, self.token = stack, ""
        self.connections: dict[str, http.client.HTTPConnection] = {}

    def sign_in(self) -> None:
        """As a new customer."""
        stack, self.token = self.stack, ""
        self.token = self.call(stack.api, "POST", "/_local/customers", {})[1]["token"]

    def hang_up(self) -> None:
        """Close the connections: after an error in one, no further request can be sent there."""
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()

    def call(self, base: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        url = urlsplit(base)
        if base not in self.connections:
            self.connections[base] = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection = self.connections[base]
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")


class Step:
    """So many clients, until together they have made so many requests. RuntimeError if the service ends before."""

    def __init__(self, stack: LocalStack, clients: int, requests: int) -> None:
        self.stack, self.requests = stack, requests
        self.took_ms: dict[str, list[float]] = defaultdict(list)
        self.errors: Counter[str] = Counter()
        self.lock = threading.Lock()
        threads = [threading.Thread(target=self.run) for _ in range(clients)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        warm_mb: dict[int, float] = {}
        while alive := [thread for thread in threads if thread.is_alive()]:
            alive[0].join(WATCH_S)
            text = f"clients {clients}, {min(self.count, requests):,} of {requests:,} requests"
            print(f"\r{text} ", end="", file=sys.stderr, flush=True)
            if not warm_mb and self.count >= requests / 5:
                warm_mb = resident_mb(stack)
        print("\r".ljust(60), file=sys.stderr)
        if stack.process.poll() is not None:
            raise RuntimeError(f"the service has ended: {dict(self.errors)}")
        self.seconds = time.perf_counter() - started
        self.growth_percent = growth_percent(warm_mb, resident_mb(stack))

    @property
    def count(self) -> int:
        return sum(map(len, self.took_ms.values()))

    def run(self) -> None:
        client = Client(self.stack)
        for days in count():
            if self.count >= self.requests or self.stack.process.poll() is not None:
                return
            try:
                if days % DAYS_MAX == 0 or not client.token:
                    client.sign_in()
                self.day(client)
            except Exception as error:
                client.hang_up()
                with self.lock:
                    self.errors[repr(error)[:100]] += 1

    def day(self, client: Client) -> None:
        payment = self.call(client, "POST", "/api/payments/wallets/add-money/", {"amount": "1.00"})
        order = {"order_id": payment["gateway_order_id"], "method": "upi", "outcome": "success"}
        paid = client.call(self.stack.razorpay, "POST", "/_control/pay", order)[1]
        self.call(client, "POST", f"/api/payments/payments/{payment['id']}/verify/", paid, "verify")
        for noun in ("wallets", "wallets/transactions", "payments"):
            self.call(client, "GET", f"/api/payments/{noun}/")

    def call(self, client: Client, method: str, path: str, body: Any = None, name: str = "") -> Any:
        started = time.perf_counter()
        status, answer = client.call(self.stack.api, method, path, body)
        took_ms = (time.perf_counter() - started) * 1_000
        with self.lock:
            self.took_ms[name or f"{method} {path.removeprefix('/api/payments/').strip('/')}"].append(took_ms)
            if status >= 300:
                self.errors[f"{method} {path.split('/')[3]}: {status}"] += 1
        return answer


def family(pid: int) -> Iterator[int]:
    """A process and all of its descendants."""
    yield pid
    children: list[str] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # the process or its thread has just ended
            children += path.read_text().split()
    for child in children:
        yield from family(int(child))


def cpu_s(stack: LocalStack) -> float:
    """The CPU seconds of the service's processes; one that has just ended counts for nothing."""
    total_ns = 0
    for pid in family(stack.process.pid):
        with suppress(OSError):
            total_ns += cpu_ns(pid)
    return total_ns / 1e9


def workers_mb(stack: LocalStack) -> list[float]:
    """The memory of each worker in MB (2^20 bytes), where shared pages count by their share."""
    found = []
    for pid in family(stack.process.pid):
        try:
            name = Path(f"/proc/{pid}/cmdline").read_bytes()
            pss = Path(f"/proc/{pid}/smaps_rollup").read_text().split("\nPss:")[1].split()[0]
        except (OSError, IndexError):
            continue
        if b"ministack" not in name and pid != stack.process.pid:
            found.append(int(pss) / 1024)
    return sorted(found)


def resident_mb(stack: LocalStack) -> dict[int, float]:
    """The resident memory of each worker in MB (2^20 bytes), by its process id."""
    found = {}
    for pid in family(stack.process.pid):
        with suppress(OSError, IndexError):
            name = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"ministack" not in name and pid != stack.process.pid:
                found[pid] = int(Path(f"/proc/{pid}/status").read_text().split("\nVmRSS:")[1].split()[0]) / 1024
    return found


def growth_percent(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    """How much the worker that grew most has grown, of those that lived all along."""
    return max((100 * (after[pid] / mb - 1) for pid, mb in before.items() if pid in after), default=0)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def main(requests: int) -> None:
    with tempfile.TemporaryDirectory(prefix="garment-pay-bench-", ignore_cleanup_errors=True) as folder:
        started = time.perf_counter()
        stack = LocalStack(Path(folder), STARTS_PER_HOUR_MAX="100000", OPEN_PAYMENTS_MAX="50")
        print(f"ready after {time.perf_counter() - started:.1f} s", flush=True)
        try:
            report(stack, requests)
        finally:
            stack.stop()


def report(stack: LocalStack, requests: int) -> None:
    rows: list[tuple[str, ...]] = [
        ("clients", "request", "requests", "p50 ms", "p95 ms", "p99 ms", "longest ms"),
    ]
    errors: Counter[str] = Counter()
    totals: list[tuple[str, ...]] = [
        ("clients", "requests / s", "CPU ms a request", "errors", "workers", "largest worker MB", "all workers MB")
        + ("growth %",)
    ]
    growth: list[float] = []
    for clients in CLIENTS:
        before_s = cpu_s(stack)
        step = Step(stack, clients, requests // len(CLIENTS))
        cpu_ms = (cpu_s(stack) - before_s) * 1_000 / step.count
        memory = workers_mb(stack)
        errors += step.errors
        for name, took in sorted(step.took_ms.items()):
            shares = (f"{percentile(took, share):.0f}" for share in (0.5, 0.95, 0.99, 1))
            rows.append((str(clients), name, str(len(took)), *shares))
        speed = f"{step.count / step.seconds:.0f}"
        lost = str(sum(step.errors.values()))
        growth.append(step.growth_percent)
        sizes = str(len(memory)), f"{memory[-1]:.0f}", f"{sum(memory):.0f}", f"{step.growth_percent:.1f}"
        totals.append((str(clients), speed, f"{cpu_ms:.1f}", lost, *sizes))
    table(rows)
    table(totals)
    largest = max(float(row[5]) for row in totals[1:])
    grown = max(growth)
    goals: list[tuple[str, ...]] = [
        ("goal", "of", "at most", "measured", ""),
        ("errors", "all requests", "0", str(sum(errors.values())), "MISSED" if errors else "met"),
        ("MB", "a worker", str(WORKER_MB_MAX), f"{largest:.0f}", "met" if largest <= WORKER_MB_MAX else "MISSED"),
        ("growth in percent", "a worker after the first fifth of a step", str(GROWTH_PERCENT_MAX), f"{grown:.1f}")
        + ("met" if grown <= GROWTH_PERCENT_MAX else "MISSED",),
    ]
    table(goals)
    print("\n" + verdict(goals) + f" Errors: {dict(errors) or 'none'}.")
