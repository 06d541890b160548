"""The benchmark's tools that are written in Python: bytes of an upload in, all variants out.

    python -m tests.bench.tools TOOL FORMATS UPLOAD FOLDER [QUALITY]

runs the tool four times, drops the first run (imports and tables), and prints the least CPU time of the others.
"""

import json
import re
import resource
import sys
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

Variants = dict[str, bytes]
SIDES_PX = {"display": 1600, "thumb": 320}


def garment_pay(data: bytearray, formats: Sequence[str], quality: int | None = None) -> Variants:
    from shared.images.codec.encode import ENCODERS
    from shared.images.codec.pipeline import compress

    if quality:
        ENCODERS["jpeg"]["quality"] = quality
    return {f"{variant.name}.{variant.format}": variant.data for variant in compress(data, formats).variants}


def plain_pillow(data: bytes, formats: Sequence[str]) -> Variants:
    """The usual recipe with correct colours. AVIF has our settings, because Pillow's own take ten times as long."""
    from PIL import Image, ImageCms, ImageOps

    from shared.images.codec.encode import ENCODERS

    picture = ImageOps.exif_transpose(Image.open(BytesIO(data)))
    profile = picture.info.get("icc_profile")
    picture = picture.convert("RGB")
    if profile:
        srgb = ImageCms.createProfile("sRGB")
        picture = ImageCms.profileToProfile(picture, ImageCms.ImageCmsProfile(BytesIO(profile)), srgb)
    picture.info.clear()
    settings = {
        "jpeg": {"quality": 80, "progressive": True},
        **{format: ENCODERS[format] for format in ("avif", "webp")},
    }
    variants = {}
    for name, side in SIDES_PX.items():
        small = picture.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        for format in formats:
            file = BytesIO()
            small.save(file, format.upper(), **settings[format])
            variants[f"{name}.{format}"] = file.getvalue()
    return variants


def pyvips(data: bytes, formats: Sequence[str]) -> Variants:
    import pyvips

    suffixes = {"jpeg": ".jpg[Q=80,interlace,strip]", "avif": ".avif[Q=63,effort=0,strip]"}
    display = pyvips.Image.thumbnail_buffer(data, 1600, height=1600, size="down", export_profile="srgb").copy_memory()
    thumb = display.thumbnail_image(320, height=320, size="down")
    return {
        f"{name}.{format}": picture.write_to_buffer(suffixes[format])
        for name, picture in (("display", display), ("thumb", thumb))
        for format in formats
    }


def peak_bytes() -> int:
    """The peak of this process alone; `ru_maxrss` would count its parent where that was larger."""
    try:
        return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(tool: str, formats: str, upload: str, folder: str, quality: str = "") -> None:
    kind = bytearray if tool == "garment_pay" else bytes  # as the function passes it
    options = {"quality": int(quality)} if quality else {}
    times = []
    for _ in range(4):
        data = kind(Path(upload).read_bytes())
        before = time.process_time()
        variants = globals()[tool](data, formats.split(","), **options)
        times.append(time.process_time() - before)
    for name, encoded in variants.items():
        (Path(folder) / name).write_bytes(encoded)
    print(json.dumps({"cpu_s": min(times[1:]), "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
