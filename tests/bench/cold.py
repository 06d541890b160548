"""`PART=cold make bench`: the CPU of a cold start, of each function as `make build` makes it, beside its peers.

A sample is a fresh process of the real runtime client: its initialization and its first call. B is a function with
one bare botocore client and one GetItem, with all of botocore's data and with bytecode. All take turns in each round.
"""

import hashlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from local.template import ROOT, Template
from tests.bench.lambda_runtime import PYTHON, Deployed, Function, Sample, run_in_turns
from tests.bench.report import table, verdict
from tests.bench.scenes import BUCKETS, OUTSIDE, TABLES, Scene, Scenes
from tests.bench.world import World

BUILT = ROOT / ".aws-sam" / "host" / "build"
PACKAGES = ROOT / ".venv-lambda" / "peers"
# The packages of the peers, at the versions that we run, uncut.
PEERS_NEED = ("aws-lambda-powertools", "boto3", "botocore", "certifi", "charset-normalizer", "idna", "jmespath")
PEERS_NEED += ("python-dateutil", "razorpay", "requests", "s3transfer", "six", "typing-extensions", "urllib3")
BUILDER = ROOT / ".venv-sam" / "bin" / "python"
HERE = Path(__file__).resolve().parent
HELLO, B, TUTORIAL = "hello world", "B: botocore, GetItem", "tutorial style, without bytecode"
WARM_CALLS = 12
RESTORED = ("ListWallets", "VerifyPayment")
FIRST_TO_WARM = {TABLES: 2, BUCKETS: 6, OUTSIDE: 12}
MEMORY_MB_MAX = 55


@dataclass(frozen=True)
class Case:
    deployed: Deployed
    scene: Scene
    environment: Mapping[str, str]

    def sample(self, calls: int) -> Sample:
        return sample_in_turns([self], calls)[0]

    def check(self, sample: Sample) -> None:
        for answer in sample.answers:
            status = answer.get("statusCode", 200)
            if status != self.scene.status if self.scene.status else status >= 300:
                raise RuntimeError(f"{self.scene.name} answers {status}: {sample.log}")


def sample_in_turns(cases: Sequence[Case], calls: int) -> list[Sample]:
    """One process of each case, which take turns after each call."""
    functions = [
        Function(case.deployed, case.environment, [case.scene.event() for _ in range(calls)]) for case in cases
    ]
    samples = run_in_turns(functions)
    for case, sample in zip(cases, samples, strict=True):
        case.check(sample)
    return samples


class Bench:
    """The built functions and their peers, laid out as Lambda lays them out, in a world of their own."""

    def __init__(self, folder: Path, built: Path = BUILT) -> None:
        self.folder, self.built = folder, built
        self.template = Template()
        self.world = World(self.template, folder)
        self.scenes = Scenes(self.template, self.world)

    def ours(self) -> Iterator[Case]:
        resources = self.template.of_type("AWS::Serverless::Function")
        common = self.template.document["Globals"]["Function"]["Layers"]
        for scene in self.scenes.all():
            references = [*common, *resources[scene.function].get("Layers", [])]
            layers = self._layers(tuple(layer["Ref"] for layer in references if "Ref" in layer))
            folder = self.folder / "functions" / scene.function
            if not folder.exists():
                shutil.copytree(self.built / scene.function, folder, copy_function=_link)
            deployed = Deployed(self.template.functions[scene.function].handler, folder, [layers])
            yield Case(deployed, scene, self.world.environment)

    def peer(self, name: str, handler: str, scene: Scene, with_bytecode: bool = True) -> Case:
        part = "compiled" if with_bytecode else "plain"
        deployed = Deployed(handler, self._peer_code / part, [self._peer_packages / part])
        event = {**scene.__dict__, "name": name}
        return Case(deployed, Scene(**event), self.world.environment)

    def get_item(self, name: str, handler: str, with_bytecode: bool = True) -> Case:
        """A peer that reads one payment."""

        def event() -> dict[str, object]:
            key = {"customer": {"S": self.scenes.regular()}, "id": {"S": self.scenes.captured()}}
            return self.scenes.event("RetrievePayment", self.scenes.regular(), id=self.scenes.captured()) | {
                "key": key
            }

        return self.peer(name, handler, Scene(name, "", event, 200), with_bytecode)

    def _layers(self, names: tuple[str, ...]) -> Path:
        """The layers in one folder, as in /opt, with our root of trust beside theirs."""
        opt = self.folder / "opt" / "-".join(names)
        if not opt.exists():
            for name in names:
                shutil.copytree(self.built / name, opt, dirs_exist_ok=True, copy_function=_link)
            self._trust(opt)
        return opt / "python"

    def _trust(self, folder: Path) -> None:
        for path in [*folder.rglob("*.pem"), *folder.rglob("*.crt")]:
            if b"BEGIN CERTIFICATE" in (bundle := path.read_bytes()):
                path.unlink()  # it may be a link to the build's own
                path.write_bytes(bundle + self.world.roots.read_bytes())
        for roots in folder.glob("python/certifi/roots"):
            code = "import sys; from pathlib import Path; from tools.lean import spread_roots\n"
            code += "spread_roots(Path(sys.argv[1]).read_text(), Path(sys.argv[2]))"
            subprocess.run([BUILDER, "-c", code, self.world.roots, roots], cwd=ROOT, check=True)

    @cached_property
    def _peer_packages(self) -> Path:
        _install_peers(self.folder / "requirements.txt")
        folder = self.folder / "packages"
        shutil.copytree(PACKAGES, folder / "plain", copy_function=_link)
        shutil.copytree(PACKAGES, folder / "compiled", copy_function=_link)
        self._trust(folder)
        _compile(folder / "compiled")
        return folder

    @cached_property
    def _peer_code(self) -> Path:
        folder = self.folder / "peers"
        for part in ("plain", "compiled"):
            shutil.copytree(HERE / "peers", folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        _compile(folder / "compiled")
        return folder


def _install_peers(requirements: Path) -> None:
    """Install the peers' packages, unless those of the same pins are there. It writes the pins to `requirements`."""
    pins = re.split(r"\n(?=\S)", (ROOT / "requirements.txt").read_text())
    requirements.write_text("\n".join(pin for pin in pins if pin.split("==")[0] in PEERS_NEED))
    digest, stamp = hashlib.sha256(requirements.read_bytes()).hexdigest(), PACKAGES / "stamp"
    if stamp.exists() and stamp.read_text() == digest:
        return
    shutil.rmtree(PACKAGES, ignore_errors=True)
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps", "--require-hashes"]
    subprocess.run([*command, "--target", PACKAGES, "-r", requirements], check=True)
    stamp.write_text(digest)  # the last: what an interrupted installation left is not taken for whole


def restore(case: Case) -> Case:
    """The same with SnapStart: its initialization is what happens after the snapshot was restored."""
    scene = Scene(f"{case.scene.name}, restored", "", case.scene.event, case.scene.status)
    return Case(case.deployed, scene, {**case.environment, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"})


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _compile(folder: Path) -> None:
    command = [PYTHON, "-m", "compileall", "-q", "-j0", "--invalidation-mode", "unchecked-hash", folder]
    subprocess.run(command, check=True)


def main(rounds: int, only: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="garment-pay-bench-"))
    try:
        bench = Bench(folder)
        baseline = bench.get_item(B, "get_item.handler")
        cases = [
            bench.peer(HELLO, "hello.handler", Scene(HELLO, "", dict)),
            baseline,
            bench.get_item(TUTORIAL, "tutorial.handler", with_bytecode=False),
            *(case for case in bench.ours() if only in case.scene.name),
            *(restore(case) for case in bench.ours() if case.scene.name in RESTORED and only in case.scene.name),
        ]
        samples: dict[str, list[Sample]] = {case.scene.name: [] for case in cases}
        of_b: dict[str, list[float]] = {case.scene.name: [] for case in cases}
        for round_ in range(rounds + 1):  # the first fills the page cache and is not counted
            for place, case in enumerate(cases):
                print(
                    f"\rround {round_} of {rounds}, {place + 1} of {len(cases)} ", end="", file=sys.stderr, flush=True
                )
                peer = baseline.sample(2)  # the machine's speed changes within a round
                sample = case.sample(2 if round_ == 0 else WARM_CALLS)
                if round_:
                    samples[case.scene.name].append(sample)
                    of_b[case.scene.name].append(Figures(sample).cold_ms / Figures(peer).cold_ms)
        print("\r".ljust(60), file=sys.stderr)
        report([case.scene for case in cases], samples, of_b)
    finally:
        shutil.rmtree(folder)


def report(scenes: list[Scene], samples: Mapping[str, list[Sample]], of_b: Mapping[str, list[float]]) -> None:
    """`of_b` is the cold start of each function, divided by the one of B just before it."""

    def median(name: str, value: str) -> float:
        return statistics.median(getattr(Figures(sample), value) for sample in samples[name])

    hello = median(HELLO, "cold_ms")
    rows: list[tuple[str, ...]] = [
        ("function", "init ms", "first ms", "cold ms", "/ B", "/ hello", "warm ms", "first / warm", "MB")
    ]
    goals: list[tuple[str, ...]] = [("goal", "function", "at most", "measured", "")]
    for scene in scenes:
        cold, warm, first = (median(scene.name, value) for value in ("cold_ms", "warm_ms", "first_ms"))
        peak, ratio = median(scene.name, "peak_mb"), statistics.median(of_b[scene.name])
        init = median(scene.name, "init_ms")
        rows.append(
            (scene.name, f"{init:.0f}", f"{first:.1f}", f"{cold:.0f}", f"{ratio:.2f}", f"{cold / hello:.1f}")
            + (f"{warm:.2f}", f"{first / warm:.1f}", f"{peak:.0f}")
        )
        if scene.function and scene.cold_goal:
            for goal, limit, measured in (
                ("cold / B", scene.cold_goal, ratio),
                ("first / warm", FIRST_TO_WARM[scene.reach], first / warm),
                ("memory in MB (2^20 bytes)", MEMORY_MB_MAX, peak),
            ):
                met = round(measured, 2) <= limit
                goals.append((goal, scene.name, f"{limit:g}", f"{measured:.2f}", "met" if met else "MISSED"))
    table(rows)
    print(f"\nCPU of fresh processes, medians of {len(samples[B])} rounds.", end=" ")
    print(f"B itself took {min(of_b[B]):.2f} to {max(of_b[B]):.2f} of the B just before it.")
    print("\n" + verdict(goals))


@dataclass(frozen=True)
class Figures:
    sample: Sample

    @property
    def init_ms(self) -> float:
        return self.sample.init_ms

    @property
    def first_ms(self) -> float:
        return self.sample.calls_ms[0]

    @property
    def cold_ms(self) -> float:
        return self.init_ms + self.first_ms

    @property
    def warm_ms(self) -> float:
        return statistics.median(self.sample.calls_ms[2:])

    @property
    def peak_mb(self) -> float:
        return self.sample.peak_mb
