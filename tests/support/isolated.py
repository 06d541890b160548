"""Compresses each file in its own child process, whose parent has loaded nothing but the pipeline.

    python -m tests.support.isolated FOLDER [FUNCTION]

runs FUNCTION over every file of FOLDER: `compress`, or one of the functions below that misbehave on purpose. A child
may use MEMORY_BYTES of address space and CPU_S of processor time. For each file one line of JSON is printed, with
what the kernel and the child report.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageFile

from shared.images.codec import pipeline
from shared.images.rejections import IMAGE_FAULTS, RejectedImage
from tests.support.image_samples import metadata_in

ROOT = Path(__file__).resolve().parents[2]
MEMORY_BYTES = 1 << 30
CPU_S = 2
PEAK_BYTES_MAX = 384 << 20
CPU_S_MAX = 1
DECODERS = {"JPEG", "PNG", "WEBP", "AVIF"}


@dataclass(frozen=True)
class Outcome:
    """The outcome of one file."""

    name: str
    answer: str  # ready, a code of IMAGE_FAULTS, the name of an exception that escaped, or a signal's
    cpu_s: float
    peak_bytes: int
    openers: list[str]  # the decoders registered with Pillow afterwards
    loads: int  # how often the most loaded image was decoded
    size: tuple[int, int]
    variants: dict[str, bytes]  # "display.jpeg": data


def run(files: Mapping[str, bytes], function: str = "compress", path: str = "") -> dict[str, Outcome]:
    """Run the function over all files, split among the processors; `path` is prepended to the module path."""
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), path)))}
    with tempfile.TemporaryDirectory() as place:
        runs = []
        for share in range(os.cpu_count() or 1):
            folder, lines = Path(place) / str(share), Path(place) / f"{share}.json"
            folder.mkdir()
            for name in list(files)[share :: os.cpu_count()]:
                (folder / name).write_bytes(files[name])
            command = [sys.executable, "-m", "tests.support.isolated", str(folder), function]
            with lines.open("w") as output:
                runs.append((subprocess.Popen(command, env=environment, stdout=output), lines))
        assert [process.wait() for process, _ in runs] == [0] * len(runs)
        outcomes = [_outcome(line) for _, lines in runs for line in lines.read_text().splitlines()]
    return {outcome.name: outcome for outcome in outcomes}


def faults(outcome: Outcome) -> list[str]:
    """What is wrong with an outcome, whatever the file contains; empty for a sound one."""
    found = [
        f"{fault} in {name}"
        for name, data in outcome.variants.items()
        for fault in metadata_in(data, name.rpartition(".")[2])
    ]
    if outcome.answer not in ("ready", *IMAGE_FAULTS):
        found.append(outcome.answer)
    if set(outcome.openers) - DECODERS:
        found.append("a decoder that we do not use")
    if outcome.loads > 1:
        found.append("decoded again")
    if outcome.peak_bytes > PEAK_BYTES_MAX:
        found.append(f"{outcome.peak_bytes >> 20} MB")
    if outcome.cpu_s > CPU_S_MAX:
        found.append(f"{outcome.cpu_s:.2f} s")
    return found


def _outcome(line: str) -> Outcome:
    report = json.loads(line)
    variants = {name: bytes.fromhex(data) for name, data in report.pop("variants", {}).items()}
    return Outcome(**{"openers": [], "loads": 0, "size": (0, 0), **report, "variants": variants})


def compress(data: bytes) -> pipeline.Compressed:
    return pipeline.compress(data)


def crash(data: bytes) -> pipeline.Compressed:
    os.kill(os.getpid(), signal.SIGSEGV)
    return pipeline.compress(data)


def hang(data: bytes) -> pipeline.Compressed:
    while True:
        pass


def grow(data: bytes) -> pipeline.Compressed:
    return pipeline.compress(data * 2 + bytes(2 * MEMORY_BYTES))


def naive(data: bytes) -> pipeline.Compressed:
    """The usual implementation: any decoder, a second load if the first fails, and the upload's metadata kept."""
    picture = Image.open(BytesIO(data))
    try:
        picture.load()
    except OSError:
        picture.load()
    file = BytesIO()
    metadata = {name: picture.info[name] for name in ("exif", "icc_profile") if name in picture.info}
    picture.convert("RGB").save(file, "JPEG", **metadata)
    variant = pipeline.Variant("display", "jpeg", *picture.size, file.getvalue())
    return pipeline.Compressed("jpeg", *picture.size, (variant,), "", "")


def _child(data: bytes, function: str) -> dict[str, object]:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    decoded: list[Image.Image] = []
    load_prepare = ImageFile.ImageFile.load_prepare

    def record_load(self: ImageFile.ImageFile) -> None:
        decoded.append(self)
        load_prepare(self)

    ImageFile.ImageFile.load_prepare = record_load  # type: ignore[method-assign]
    report: dict[str, object] = {}
    try:
        compressed = globals()[function](data)
        variants = compressed.variants
        report["variants"] = {f"{variant.name}.{variant.format}": variant.data.hex() for variant in variants}
        report["size"] = (compressed.width, compressed.height)
        answer = "ready"
    except RejectedImage as rejected:
        answer = rejected.code
    except BaseException as escaped:
        answer = type(escaped).__name__
        traceback.print_exc()
    loads = max((sum(image is other for other in decoded) for image in decoded), default=0)
    return {**report, "answer": answer, "openers": sorted(Image.OPEN), "loads": loads}


def main(folder: str, function: str = "compress") -> None:
    for path in sorted(Path(folder).iterdir()):
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            with open(theirs, "w") as line:
                json.dump(_child(path.read_bytes(), function), line)
            os._exit(0)
        os.close(theirs)
        with open(ours) as line:
            text = line.read()
        _, status, used = os.wait4(child, 0)
        report = json.loads(text) if os.WIFEXITED(status) else {"answer": signal.Signals(os.WTERMSIG(status)).name}
        cpu_s = used.ru_utime + used.ru_stime
        peak_bytes = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        print(json.dumps({"name": path.name, "cpu_s": cpu_s, "peak_bytes": peak_bytes, **report}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
