"""`PART=warm make bench`: the CPU of a warm call, beside a handler on boto3's clients that makes the same calls.

Our handler answers each event once in this process, where its calls and their responses are recorded. The peer then
makes these calls, of tables and of Razorpay, and gets these responses.
"""

import importlib
import io
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from tests.bench.cold import Bench, Case, sample_in_turns
from tests.bench.report import table, verdict
from tests.bench.scenes import Scene
from tests.bench.world import UPLOADS
from tests.support.lambda_events import LambdaContext

COMPARED = (
    "ListWallets",
    "ListPaymentMethods (10)",
    "RetrievePayment (captured)",
    "CreatePayment (wallet)",
    "VerifyPayment",
    "ReceiveWebhook (captured)",
    "CreateImageUpload",
)
RATIO_MAX = 1.1
CALLS, IGNORED = 40, 15  # of one process, and those at its start that are not counted


def peer_event(bench: Bench, scene: Scene) -> Callable[[], dict[str, Any]]:
    """A function that makes the peer's next event: the calls that our handler makes for the scene's next event."""
    module, _, name = bench.template.functions[scene.function].handler.rpartition(".")

    def event() -> dict[str, Any]:
        asked = scene.event()
        with redirect_stdout(io.StringIO()):
            handler = getattr(importlib.import_module(module), name)
            with bench.world.recording() as calls:
                handler(asked, LambdaContext())
        if scene.function == "CreateImageUpload":
            fields = {"Content-Type": "image/jpeg"}
            conditions = [fields, ["content-length-range", 1, 26_214_400]]
            form = {"Bucket": UPLOADS, "Key": "in/a/b", "Fields": fields, "Conditions": conditions, "ExpiresIn": 300}
            calls.append(("s3", "presign", form))
        return {"calls": calls}

    return event


def warm_ms(case: Case, peer: Case) -> tuple[float, float]:
    ours, theirs = (statistics.median(sample.calls_ms[IGNORED:]) for sample in sample_in_turns([case, peer], CALLS))
    return ours, theirs


def main(rounds: int, only: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="garment-pay-bench-"))
    try:
        bench = Bench(folder)
        ours = [case for case in bench.ours() if case.scene.name in COMPARED and only in case.scene.name]
        pairs = []
        for case in ours:
            scene = Scene(f"boto3, {case.scene.name}", "", peer_event(bench, case.scene))
            peer = bench.peer(scene.name, "same_calls.handler", scene)
            pairs.append((case, Case(peer.deployed, peer.scene, bench.world.replaying)))
        ratios: dict[str, list[float]] = {case.scene.name: [] for case in ours}
        figures: dict[str, list[tuple[float, float]]] = {case.scene.name: [] for case in ours}
        for round_ in range(rounds):
            for place, (case, peer) in enumerate(pairs):
                print(
                    f"\rround {round_ + 1} of {rounds}, {place + 1} of {len(pairs)} ",
                    end="",
                    file=sys.stderr,
                    flush=True,
                )
                both = warm_ms(case, peer)
                figures[case.scene.name].append(both)
                ratios[case.scene.name].append(both[0] / both[1])
        print("\r".ljust(60))
        report(figures, ratios)
    finally:
        shutil.rmtree(folder)


def report(figures: dict[str, list[tuple[float, float]]], ratios: dict[str, list[float]]) -> None:
    rows: list[tuple[str, ...]] = [("request", "ours ms", "boto3 ms", "ours / boto3", "of the rounds")]
    goals: list[tuple[str, ...]] = [("goal", "request", "at most", "measured", "")]
    for name, found in figures.items():
        ours, theirs = (statistics.median(column) for column in zip(*found, strict=True))
        ratio = statistics.median(ratios[name])
        every = ", ".join(f"{one:.2f}" for one in ratios[name])
        rows.append((name, f"{ours:.2f}", f"{theirs:.2f}", f"{ratio:.2f}", every))
        met = "met" if round(ratio, 2) <= RATIO_MAX else "MISSED"
        goals.append(("warm / boto3", name, f"{RATIO_MAX}", f"{ratio:.2f}", met))
    table(rows)
    print("\nCPU of one call, medians of fresh processes that take turns after each call.")
    print("\n" + verdict(goals))
