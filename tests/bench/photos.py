"""`PART=photos make bench`: the cost of compressing a photo, beside plain Pillow, pyvips and sharp.

Each figure comes from fresh processes on one thread, and is the median of the rounds (ROUNDS=5). In each round the
tools take turns on every picture. PHOTOS may name a folder of real phone photos; otherwise synthetic ones are used.
Quality is the SSIMULACRA2 score of the display JPEG against a full decode shrunk in floats.
"""

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageChops, ImageCms
from ssimulacra2 import compute_ssimulacra2

from shared.images.codec.resize import fit
from tests.bench.report import table, verdict
from tests.support.image_samples import TRANSPOSITIONS, display_p3, encode, exif, jpeg, phone_photo, segment

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
ROUNDS = int(os.environ.get("ROUNDS", "5"))
PHOTOS = Path(os.environ.get("PHOTOS", "") or "/nowhere")
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "SHARP": str(Path(sys.prefix) / "npm"),
    "VIPS_CONCURRENCY": "1",
    "OMP_NUM_THREADS": "1",
}
OURS, PLAIN, PYVIPS, SHARP = "garment-pay", "plain Pillow", "pyvips", "sharp"
COMPRESSOR_ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": "7500000"}  # as in the template
COMMANDS = {
    OURS: [sys.executable, "-m", "tests.bench.tools", "garment_pay"],
    PLAIN: [sys.executable, "-m", "tests.bench.tools", "plain_pillow"],
    PYVIPS: [sys.executable, "-m", "tests.bench.tools", "pyvips"],
    SHARP: ["node", str(HERE / "sharp.mjs")],
}
BOTH, JPEG, WEBP = "jpeg,avif", "jpeg", "jpeg,webp"
FORMATS = {OURS: (BOTH, JPEG), PLAIN: (BOTH, WEBP), PYVIPS: (BOTH, JPEG), SHARP: (BOTH, JPEG)}


class Figures(NamedTuple):
    cpu_ms: float
    peak_mb: float
    bytes_kb: dict[str, float]  # of the display variant, by format
    quality: float  # SSIMULACRA2 of the display JPEG


def pictures() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every upload. Those of 24 megapixels and more are enlarged: no phone's JPEG is available."""
    if (PHOTOS / "phone_12mp_display_p3.jpg").exists():
        photo = (PHOTOS / "phone_12mp_display_p3.jpg").read_bytes()
        yield "12 MP, P3", photo
        yield "12 MP, sRGB", (PHOTOS / "phone_12mp_srgb.jpg").read_bytes()
        kind = "enlarged"
    else:
        photo = phone_photo()
        yield "12 MP, P3 (synthetic)", photo
        yield "12 MP, sRGB (synthetic)", encode(Image.open(BytesIO(photo)), "JPEG", quality=92, icc_profile=None)
        kind = "synthetic"
    yield f"24 MP, P3 ({kind})", enlarge(photo, 5712, 4284)
    yield f"48 MP, P3 ({kind})", enlarge(photo, 8064, 6048)
    yield f"50 MP square ({kind})", enlarge(photo, 7071, 7071)


def enlarge(photo: bytes, width: int, height: int) -> bytes:
    """The photo at this size, stored on its side, with the noise of a sensor with that many pixels."""
    with Image.open(BytesIO(photo)) as picture:
        large = picture.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
    noise = Image.effect_noise((width, height), 5).convert("RGB")
    noisy = ImageChops.add(large, noise, scale=1, offset=-128)
    return jpeg(noisy, [segment(0xE1, exif(6))], icc_profile=display_p3(), quality=85)


def measure(tool: str, formats: str, upload: Path, folder: Path, quality: str = "") -> tuple[float, float]:
    """CPU milliseconds and peak megabytes of one fresh process, which writes the variants to the folder."""
    folder.mkdir(exist_ok=True)
    command = [*COMMANDS[tool], formats, str(upload), str(folder), *([quality] if quality else [])]
    environment = ENVIRONMENT | (COMPRESSOR_ENVIRONMENT if tool == OURS else {})
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise OSError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    result = json.loads(done.stdout)
    return result["cpu_s"] * 1000, result["peak_bytes"] / 2**20


def find_tools(upload: Path, folder: Path) -> list[tuple[str, str]]:
    """(tool, formats) for every tool that runs on this machine."""
    found = []
    for tool in COMMANDS:
        try:
            measure(tool, BOTH, upload, folder / "trial")
        except OSError as reason:
            print(f"{tool} is left out: {reason}", flush=True)
            continue
        found += [(tool, formats) for formats in FORMATS[tool]]
    return found


def reference(data: bytes, folder: Path) -> Path:
    """The ideal display picture: a full decode, each channel shrunk in floats and rounded once."""
    with Image.open(BytesIO(data)) as image:
        profile, orientation = image.info.get("icc_profile"), image.getexif().get(0x0112, 1)
        picture = image.convert("RGB")
    size = fit(*picture.size, 1600)
    channels = [band.convert("F").resize(size, Image.Resampling.LANCZOS) for band in picture.split()]
    rounded = [band.point(lambda value: value + 0.5).convert("L") for band in channels]
    small = Image.merge("RGB", rounded)
    if profile:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        small = ImageCms.profileToProfile(small, source, ImageCms.createProfile("sRGB"))
    path = folder / "reference.png"
    upright = small.transpose(TRANSPOSITIONS[orientation]) if orientation in TRANSPOSITIONS else small
    upright.save(path)
    return path


@cache
def score(encoded: bytes, reference_path: Path) -> float:
    decoded = reference_path.with_name("decoded.png")
    with Image.open(BytesIO(encoded)) as picture:
        picture.save(decoded)
    return float(compute_ssimulacra2(str(reference_path), str(decoded)))


def bytes_at_equal_quality(upload: Path, reference_path: Path, folder: Path) -> float:
    """The size of our JPEG divided by sharp's, at the score that sharp's has with quality 80."""

    def display(tool: str, quality: int) -> tuple[float, float]:
        measure(tool, JPEG, upload, folder, str(quality))
        encoded = (folder / "display.jpeg").read_bytes()
        return score(encoded, reference_path), math.log(len(encoded))

    target, theirs = display(SHARP, 80)
    points = [display(OURS, quality) for quality in (52, 66, 75, 83, 90)]
    for (low, small), (high, large) in pairwise(points):
        if low <= target <= high:
            return math.exp(small + (large - small) * (target - low) / (high - low) - theirs)
    return math.nan


def goals(figures: dict[tuple[str, str, str], Figures], equal: dict[str, float]) -> list[tuple[str, ...]]:
    """A row per goal with its limit, the measured value, and whether the goal is met; some rows have no limit."""
    rows: list[tuple[str, ...]] = [("goal", "picture", "at most", "measured", "")]

    def row(goal: str, picture: str, limit: float | None, measured: float | None, places: int = 2) -> None:
        is_measured = measured is not None and not math.isnan(measured)
        mark = "" if limit is None else "not measured"
        if is_measured and limit is not None:
            mark = "met" if round(measured or 0, places) <= limit else "MISSED"
        rows.append((goal, picture, f"{limit or ''}", f"{measured:.{places}f}" if is_measured else "", mark))

    def ratio(picture: str, formats: str, other: str, their_formats: str) -> float | None:
        ours, theirs = figures[picture, OURS, formats], figures.get((picture, other, their_formats))
        return ours.cpu_ms / theirs.cpu_ms if theirs else None

    names = list(dict.fromkeys(picture for picture, _, _ in figures))
    for picture in names:
        limit = 0.60 if picture.startswith("12") else 0.35
        row("CPU, JPEG and AVIF / plain Pillow's JPEG and WebP", picture, limit, ratio(picture, BOTH, PLAIN, WEBP))
    for picture in names:  # without a limit: nobody would find these settings for plain Pillow
        row(
            "CPU, JPEG and AVIF / plain Pillow's JPEG and our AVIF",
            picture,
            None,
            ratio(picture, BOTH, PLAIN, BOTH),
        )
    for picture in names:
        if picture.startswith(("24", "48")):
            row("CPU, JPEG / sharp's", picture, 1.05, ratio(picture, JPEG, SHARP, JPEG))
    for picture in names:
        row("peak MB (2^20 bytes)", picture, 100, figures[picture, OURS, BOTH].peak_mb, 0)
    for picture in names:
        row("bytes, JPEG / sharp's at equal quality", picture, 0.96, equal.get(picture))
    measured = [ratio for ratio in equal.values() if not math.isnan(ratio)]
    mean = statistics.geometric_mean(measured) if measured else None
    row("bytes, JPEG / sharp's at equal quality", "geometric mean", 0.96, mean)
    return rows


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="garment-pay-bench-"))
    try:
        run(folder)
    finally:
        shutil.rmtree(folder)


def run(folder: Path) -> None:
    uploads, references = {}, {}
    for number, (name, data) in enumerate(pictures()):
        print(f"{name}: {len(data) / 1e6:.1f} MB", flush=True)
        uploads[name] = folder / f"upload{number}.jpg"
        uploads[name].write_bytes(data)
        (folder / str(number)).mkdir()
        references[name] = reference(data, folder / str(number))
    tools = find_tools(next(iter(uploads.values())), folder)
    jobs = [(name, tool, formats) for name in uploads for tool, formats in tools]
    measurements: dict[tuple[str, str, str], list[tuple[float, float]]] = {job: [] for job in jobs}
    for round_ in range(ROUNDS):
        for place, (name, tool, formats) in enumerate(jobs):
            print(f"\rround {round_ + 1} of {ROUNDS}, {place + 1} of {len(jobs)} ", end="", flush=True)
            variants = references[name].parent / f"{tool} {formats}"
            measurements[name, tool, formats].append(measure(tool, formats, uploads[name], variants))
    figures = {}
    for name, tool, formats in jobs:
        print(f"\rquality of {name}, {tool}".ljust(60), end="", flush=True)
        variants = references[name].parent / f"{tool} {formats}"
        cpu_ms, peak_mb = (
            statistics.median(column) for column in zip(*measurements[name, tool, formats], strict=True)
        )
        sizes = {format: (variants / f"display.{format}").stat().st_size / 1000 for format in formats.split(",")}
        quality = score((variants / "display.jpeg").read_bytes(), references[name])
        figures[name, tool, formats] = Figures(cpu_ms, peak_mb, sizes, quality)
    compared = uploads if SHARP in dict(tools) else {}
    equal = {
        name: bytes_at_equal_quality(path, references[name], folder / "equal") for name, path in compared.items()
    }
    print("\r".ljust(60))
    rows: list[tuple[str, ...]] = [
        ("picture", "tool", "CPU ms", "CPU", "MB", "JPEG KB", "AVIF KB", "WebP KB", "SSIMULACRA2")
    ]
    for (name, tool, _), row in figures.items():
        share = row.cpu_ms / figures[name, PLAIN, WEBP].cpu_ms
        sizes = (
            f"{row.bytes_kb[format]:.0f}" if format in row.bytes_kb else "" for format in ("jpeg", "avif", "webp")
        )
        rows.append(
            (name, tool, f"{row.cpu_ms:.0f}", f"{share:.2f}", f"{row.peak_mb:.0f}", *sizes, f"{row.quality:.1f}")
        )
    table(rows)
    print("\nCPU: relative to plain Pillow with JPEG and WebP, its usual recipe.")
    measured = goals(figures, equal)
    table(measured)
    print("\n" + verdict(measured))


if __name__ == "__main__":
    main()
