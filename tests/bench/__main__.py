"""`make bench`: what compressing a photo costs, beside plain Pillow and, where they are installed, pyvips and sharp.

Each figure is of fresh processes on one thread, the tools taking turns on every picture in each round; it is the
median of the rounds (ROUNDS=5). With PHOTOS naming a folder of real phone photos, those are taken; without, photos
that are made here. The quality is SSIMULACRA2 of the display JPEG against a full decode shrunk in floats.
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

from shared import pixels
from tests.pictures import UNTURNED, display_p3, encode, exif, jpeg, phone_photo, segment

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
FUNCTION = {"MALLOC_MMAP_THRESHOLD_": "7500000"}  # as the template has it for the compressor
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
    """Name and bytes of every upload; of 24 megapixels and above no phone's JPEG is at hand, so they are enlarged."""
    if (PHOTOS / "phone_12mp_display_p3.jpg").exists():
        photo = (PHOTOS / "phone_12mp_display_p3.jpg").read_bytes()
        yield "12 MP, P3", photo
        yield "12 MP, sRGB", (PHOTOS / "phone_12mp_srgb.jpg").read_bytes()
        kind = "enlarged"
    else:
        photo = phone_photo()
        yield "12 MP, P3 (made)", photo
        yield "12 MP, sRGB (made)", encode(Image.open(BytesIO(photo)), "JPEG", quality=92, icc_profile=None)
        kind = "made"
    yield f"24 MP, P3 ({kind})", enlarged(photo, 5712, 4284)
    yield f"48 MP, P3 ({kind})", enlarged(photo, 8064, 6048)
    yield f"50 MP square ({kind})", enlarged(photo, 7071, 7071)


def enlarged(photo: bytes, width: int, height: int) -> bytes:
    """Lying as the camera's, with the noise of a sensor that has so many pixels."""
    with Image.open(BytesIO(photo)) as picture:
        large = picture.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
    noise = Image.effect_noise((width, height), 5).convert("RGB")
    noisy = ImageChops.add(large, noise, scale=1, offset=-128)
    return jpeg(noisy, [segment(0xE1, exif(6))], icc_profile=display_p3(), quality=85)


def measure(tool: str, formats: str, upload: Path, folder: Path, quality: str = "") -> tuple[float, float]:
    """Milliseconds of processor time and peak megabytes of one fresh process; the variants are left in the folder."""
    folder.mkdir(exist_ok=True)
    command = [*COMMANDS[tool], formats, str(upload), str(folder), *([quality] if quality else [])]
    environment = ENVIRONMENT | (FUNCTION if tool == OURS else {})
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise OSError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    told = json.loads(done.stdout)
    return told["cpu_s"] * 1000, told["peak_bytes"] / 2**20


def installed(upload: Path, folder: Path) -> list[tuple[str, str]]:
    """The tools that run here, each with its formats."""
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
    """The display picture as it should be: a full decode, each channel shrunk in floats, rounded once."""
    with Image.open(BytesIO(data)) as image:
        profile, turn = image.info.get("icc_profile"), image.getexif().get(0x0112, 1)
        picture = image.convert("RGB")
    size = pixels._fit(*picture.size, 1600)
    channels = [band.convert("F").resize(size, Image.Resampling.LANCZOS) for band in picture.split()]
    rounded = [band.point(lambda value: value + 0.5).convert("L") for band in channels]
    small = Image.merge("RGB", rounded)
    if profile:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        small = ImageCms.profileToProfile(small, source, ImageCms.createProfile("sRGB"))
    path = folder / "reference.png"
    (small.transpose(UNTURNED[turn]) if turn in UNTURNED else small).save(path)
    return path


@cache
def score(encoded: bytes, wanted: Path) -> float:
    shown = wanted.with_name("shown.png")
    with Image.open(BytesIO(encoded)) as picture:
        picture.save(shown)
    return float(compute_ssimulacra2(str(wanted), str(shown)))


def bytes_at_equal_quality(upload: Path, wanted: Path, folder: Path) -> float:
    """Our JPEG's bytes by sharp's, where ours is exactly as good as sharp's of quality 80."""

    def display(tool: str, quality: int) -> tuple[float, float]:
        measure(tool, JPEG, upload, folder, str(quality))
        encoded = (folder / "display.jpeg").read_bytes()
        return score(encoded, wanted), math.log(len(encoded))

    target, theirs = display(SHARP, 80)
    points = [display(OURS, quality) for quality in (52, 66, 75, 83, 90)]
    for (low, small), (high, large) in pairwise(points):
        if low <= target <= high:
            return math.exp(small + (large - small) * (target - low) / (high - low) - theirs)
    return math.nan


def table(rows: list[tuple[str, ...]]) -> None:
    head, *body = rows
    print("\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in body:
        print("| " + " | ".join(row) + " |")


def goals(figures: dict[tuple[str, str, str], Figures], equal: dict[str, float]) -> list[tuple[str, ...]]:
    """Each goal with what was measured beside it; what was not measured says so, and what has no goal none."""
    rows: list[tuple[str, ...]] = [("goal", "picture", "at most", "measured", "")]

    def row(goal: str, picture: str, most: float | None, measured: float | None, places: int = 2) -> None:
        known = measured is not None and not math.isnan(measured)
        mark = "" if most is None else "not measured"
        if known and most is not None:
            mark = "met" if round(measured or 0, places) <= most else "MISSED"
        rows.append((goal, picture, f"{most or ''}", f"{measured:.{places}f}" if known else "", mark))

    def ratio(picture: str, formats: str, other: str, their_formats: str) -> float | None:
        ours, theirs = figures[picture, OURS, formats], figures.get((picture, other, their_formats))
        return ours.cpu_ms / theirs.cpu_ms if theirs else None

    names = list(dict.fromkeys(picture for picture, _, _ in figures))
    for picture in names:
        most = 0.60 if picture.startswith("12") else 0.35
        row("CPU, JPEG and AVIF, of plain Pillow's JPEG and WebP", picture, most, ratio(picture, BOTH, PLAIN, WEBP))
    for picture in names:  # plain Pillow would not come by these settings
        row(
            "CPU, JPEG and AVIF, of plain Pillow's JPEG and our AVIF",
            picture,
            None,
            ratio(picture, BOTH, PLAIN, BOTH),
        )
    for picture in names:
        if picture.startswith(("24", "48")):
            row("CPU, JPEG, of sharp's", picture, 1.05, ratio(picture, JPEG, SHARP, JPEG))
    for picture in names:
        row("MB (2^20 bytes) at the peak", picture, 100, figures[picture, OURS, BOTH].peak_mb, 0)
    for picture in names:
        row("bytes, JPEG, of sharp's at equal quality", picture, 0.96, equal.get(picture))
    known = [ratio for ratio in equal.values() if not math.isnan(ratio)]
    mean = statistics.geometric_mean(known) if known else None
    row("bytes, JPEG, of sharp's at equal quality", "geometric mean", 0.96, mean)
    return rows


def verdict(rows: list[tuple[str, ...]]) -> str:
    """One line: how many goals were met, and which were not."""
    marks = [(f"{goal}, {picture}: {measured}", mark) for goal, picture, _, measured, mark in rows[1:] if mark]
    missed = [what for what, mark in marks if mark == "MISSED"]
    unknown = sum(mark == "not measured" for _, mark in marks)
    met = len(marks) - len(missed) - unknown
    return f"{met} of {len(marks)} goals met, {unknown} not measured. Missed: {'; '.join(missed) or 'none'}"


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="garment-pay-bench-"))
    try:
        run(folder)
    finally:
        shutil.rmtree(folder)


def run(folder: Path) -> None:
    uploads, wanted = {}, {}
    for number, (name, data) in enumerate(pictures()):
        print(f"{name}: {len(data) / 1e6:.1f} MB", flush=True)
        uploads[name] = folder / f"upload{number}.jpg"
        uploads[name].write_bytes(data)
        (folder / str(number)).mkdir()
        wanted[name] = reference(data, folder / str(number))
    tools = installed(next(iter(uploads.values())), folder)
    jobs = [(name, tool, formats) for name in uploads for tool, formats in tools]
    taken: dict[tuple[str, str, str], list[tuple[float, float]]] = {job: [] for job in jobs}
    for round_ in range(ROUNDS):
        for place, (name, tool, formats) in enumerate(jobs):
            print(f"\rround {round_ + 1} of {ROUNDS}, {place + 1} of {len(jobs)} ", end="", flush=True)
            variants = wanted[name].parent / f"{tool} {formats}"
            taken[name, tool, formats].append(measure(tool, formats, uploads[name], variants))
    figures = {}
    for name, tool, formats in jobs:
        print(f"\rquality of {name}, {tool}".ljust(60), end="", flush=True)
        variants = wanted[name].parent / f"{tool} {formats}"
        cpu_ms, peak_mb = (statistics.median(column) for column in zip(*taken[name, tool, formats], strict=True))
        sizes = {form: (variants / f"display.{form}").stat().st_size / 1000 for form in formats.split(",")}
        quality = score((variants / "display.jpeg").read_bytes(), wanted[name])
        figures[name, tool, formats] = Figures(cpu_ms, peak_mb, sizes, quality)
    compared = uploads if SHARP in dict(tools) else {}
    equal = {name: bytes_at_equal_quality(path, wanted[name], folder / "equal") for name, path in compared.items()}
    print("\r".ljust(60))
    rows: list[tuple[str, ...]] = [
        ("picture", "tool", "CPU ms", "CPU", "MB", "JPEG KB", "AVIF KB", "WebP KB", "SSIMULACRA2")
    ]
    for (name, tool, _), one in figures.items():
        share = one.cpu_ms / figures[name, PLAIN, WEBP].cpu_ms
        sizes = (f"{one.bytes_kb[form]:.0f}" if form in one.bytes_kb else "" for form in ("jpeg", "avif", "webp"))
        rows.append(
            (name, tool, f"{one.cpu_ms:.0f}", f"{share:.2f}", f"{one.peak_mb:.0f}", *sizes, f"{one.quality:.1f}")
        )
    table(rows)
    print("\nCPU: of plain Pillow's with JPEG and WebP, its usual recipe.")
    measured = goals(figures, equal)
    table(measured)
    print("\n" + verdict(measured))


if __name__ == "__main__":
    main()
