"""Files compressed one by one, each in a child of its own of a process that has loaded nothing but the pixels.

    python -m tests.fresh FOLDER [FUNCTION]

runs FUNCTION over every file of FOLDER: `compress`, or one of those below that do what must never happen.
A child may take MEMORY_BYTES of address space and CPU_S of processor time. What the kernel says of it and what it
says itself comes out as one line of JSON for each file.
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

from shared import pixels
from shared.rejections import REJECTIONS
from tests.pictures import metadata_in

ROOT = Path(__file__).resolve().parents[1]
MEMORY_BYTES = 1 << 30
CPU_S = 2
PEAK_BYTES_MAX = 384 << 20
CPU_S_MAX = 1
DECODERS = {"JPEG", "PNG", "WEBP", "AVIF"}


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    name: str
    answer: str  # ready, a code of REJECTIONS, the name of an exception that escaped, or a signal's
    cpu_s: float
    peak_bytes: int
    openers: list[str]  # the decoders that Pillow knows afterwards
    loads: int  # of the picture that was loaded most often
    size: tuple[int, int]
    variants: dict[str, bytes]  # "display.jpeg": data


def run(files: Mapping[str, bytes], function: str = "compress", path: str = "") -> dict[str, Outcome]:
    """Shared out among the processors; `path` is put before the modules' own, as a layer's folder is."""
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), path)))}
    with tempfile.TemporaryDirectory() as place:
        runs = []
        for share in range(os.cpu_count() or 1):
            folder, said = Path(place) / str(share), Path(place) / f"{share}.json"
            folder.mkdir()
            for name in list(files)[share :: os.cpu_count()]:
                (folder / name).write_bytes(files[name])
            command = [sys.executable, "-m", "tests.fresh", str(folder), function]
            with said.open("w") as output:
                runs.append((subprocess.Popen(command, env=environment, stdout=output), said))
        assert [process.wait() for process, _ in runs] == [0] * len(runs)
        outcomes = [_outcome(line) for _, said in runs for line in said.read_text().splitlines()]
    return {outcome.name: outcome for outcome in outcomes}


def faults(outcome: Outcome) -> list[str]:
    """What must not become of any file, whatever is in it."""
    found = [
        f"{fault} in {name}"
        for name, data in outcome.variants.items()
        for fault in metadata_in(data, name.rpartition(".")[2])
    ]
    if outcome.answer not in ("ready", *REJECTIONS):
        found.append(outcome.answer)
    if set(outcome.openers) - DECODERS:
        found.append("a decoder beside ours")
    if outcome.loads > 1:
        found.append("decoded again")
    if outcome.peak_bytes > PEAK_BYTES_MAX:
        found.append(f"{outcome.peak_bytes >> 20} MB")
    if outcome.cpu_s > CPU_S_MAX:
        found.append(f"{outcome.cpu_s:.2f} s")
    return found


def _outcome(line: str) -> Outcome:
    told = json.loads(line)
    variants = {name: bytes.fromhex(data) for name, data in told.pop("variants", {}).items()}
    return Outcome(**{"openers": [], "loads": 0, "size": (0, 0), **told, "variants": variants})


def compress(data: bytes) -> pixels.Compressed:
    return pixels.compress(data)


def crash(data: bytes) -> pixels.Compressed:
    os.kill(os.getpid(), signal.SIGSEGV)
    return pixels.compress(data)


def hang(data: bytes) -> pixels.Compressed:
    while True:
        pass


def grow(data: bytes) -> pixels.Compressed:
    return pixels.compress(data * 2 + bytes(2 * MEMORY_BYTES))


def naive(data: bytes) -> pixels.Compressed:
    """The usual way: any decoder, loaded again when loading fails, and saved with what the upload carried."""
    picture = Image.open(BytesIO(data))
    try:
        picture.load()
    except OSError:
        picture.load()
    file = BytesIO()
    beside = {name: picture.info[name] for name in ("exif", "icc_profile") if name in picture.info}
    picture.convert("RGB").save(file, "JPEG", **beside)
    variant = pixels.Variant("display", "jpeg", *picture.size, file.getvalue())
    return pixels.Compressed("jpeg", *picture.size, (variant,), "", "")


def _child(data: bytes, function: str) -> dict[str, object]:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    decoded: list[Image.Image] = []
    prepare = ImageFile.ImageFile.load_prepare
    ImageFile.ImageFile.load_prepare = lambda image: (decoded.append(image), prepare(image))[1]  # type: ignore[method-assign]
    told: dict[str, object] = {}
    try:
        done = globals()[function](data)
        told["variants"] = {f"{one.name}.{one.format}": one.data.hex() for one in done.variants}
        told["size"] = (done.width, done.height)
        answer = "ready"
    except pixels.Rejected as rejected:
        answer = rejected.code
    except BaseException as escaped:
        answer = type(escaped).__name__
        traceback.print_exc()
    loads = max((sum(one is other for other in decoded) for one in decoded), default=0)
    return {**told, "answer": answer, "openers": sorted(Image.OPEN), "loads": loads}


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
            said = line.read()
        _, status, used = os.wait4(child, 0)
        told = json.loads(said) if os.WIFEXITED(status) else {"answer": signal.Signals(os.WTERMSIG(status)).name}
        cpu_s = used.ru_utime + used.ru_stime
        peak_bytes = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        print(json.dumps({"name": path.name, "cpu_s": cpu_s, "peak_bytes": peak_bytes, **told}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
