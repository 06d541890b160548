"""Five thousand mutated pictures: each becomes ready or is rejected, within the limits.

File n is the same in every run. A failing file is named by its number; `mutated(n)` makes it again.
"""

from collections.abc import Callable
from functools import cache
from random import Random

from PIL import Image

from tests.support import isolated
from tests.support.image_samples import (
    all_metadata,
    as_stored,
    chunk,
    display_p3,
    encode,
    exif,
    jpeg,
    photo,
    with_valid_checksums,
)
from tests.support.isolated import faults
from tests.support.metadata_samples import png_chunks

FILES = 5_000
LOST: tuple[tuple[bytes, ...], ...] = ((), (b"iCCP",), (b"eXIf",), (b"iCCP", b"eXIf"))
EXTREMES = (b"\0\0", b"\0\1", b"\x7f\xff", b"\x80\0", b"\xff\xff", b"\xff\xd8", b"\xff\xda", b"\xff\xd9", b"\0\0\0\0")


@cache
def seeds() -> list[bytes]:
    """Small pictures of every format and most modes, with every kind of metadata."""
    picture = photo(48, 32)
    transparent = picture.copy()
    transparent.putalpha(Image.linear_gradient("L").resize(transparent.size))
    metadata = {"exif": exif(6), "icc_profile": display_p3()}
    whole_png = encode(transparent, "PNG", **metadata)
    return [
        jpeg(as_stored(picture, 6), all_metadata(6), icc_profile=display_p3()),
        jpeg(picture, all_metadata(3), progressive=True),
        jpeg(picture.convert("CMYK"), restart_marker_blocks=2),
        jpeg(picture.convert("L"), trailer=jpeg(picture)),
        whole_png[:33] + chunk(b"tEXt", b"Comment\0CANARY") + whole_png[33:],
        encode(picture.convert("P"), "PNG", transparency=1),
        encode(picture.convert("I;16"), "PNG"),
        encode(picture.convert("1"), "PNG"),
        encode(picture, "WEBP", **metadata, xmp=b"CANARY"),
        encode(transparent, "WEBP", **metadata),
        encode(picture, "WEBP", lossless=True),
        encode(picture, "WEBP", save_all=True, append_images=[transparent]),
        encode(picture, "AVIF", **metadata, xmp=b"CANARY"),
        encode(transparent, "AVIF", exif=exif(5)),
        encode(picture, "AVIF", save_all=True, append_images=[picture.rotate(180)]),
    ]


def flip(random: Random, data: bytearray) -> None:
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def flip_header(random: Random, data: bytearray) -> None:
    for _ in range(random.choice((1, 2, 5))):
        data[random.randrange(min(len(data), 200))] = random.randrange(256)


def write_extreme(random: Random, data: bytearray) -> None:
    at, extreme = random.randrange(len(data)), random.choice(EXTREMES)
    data[at : at + len(extreme)] = extreme


def cut(random: Random, data: bytearray) -> None:
    del data[random.randrange(len(data)) :]


def remove(random: Random, data: bytearray) -> None:
    at = random.randrange(len(data))
    del data[at : at + random.choice((1, 2, 4, 50, 500))]


def repeat(random: Random, data: bytearray) -> None:
    at, length = random.randrange(len(data)), random.choice((1, 4, 50, 500))
    data[at:at] = data[at : at + length] * random.choice((1, 2, 100))


def insert_noise(random: Random, data: bytearray) -> None:
    at = random.randrange(len(data))
    data[at:at] = random.randbytes(random.choice((1, 4, 50, 500)))


def splice(random: Random, data: bytearray) -> None:
    other = random.choice(seeds())
    data[random.randrange(len(data)) :] = other[random.randrange(len(other)) :]


MUTATIONS: tuple[Callable[[Random, bytearray], None], ...] = (
    flip, flip_header, write_extreme, cut, remove, repeat, insert_noise, splice,
)  # fmt: skip


def mutated(number: int) -> tuple[bytes, bytes]:
    """A seed and its mutation: one to three changes; a PNG often gets valid checksums afterwards."""
    random = Random(number)
    seed = random.choice(seeds())
    data = bytearray(seed)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if data:
            random.choice(MUTATIONS)(random, data)
    is_png = seed.startswith(b"\x89PNG")
    return seed, with_valid_checksums(bytes(data)) if is_png and random.random() < 0.6 else bytes(data)


def without(seed: bytes, kinds: tuple[bytes, ...]) -> bytes:
    """A PNG without its chunks of these kinds."""
    return seed[:8] + b"".join(whole for kind, whole in png_chunks(seed) if kind not in kinds)


def test_mutated_files_become_ready_or_are_rejected() -> None:
    files = [mutated(number) for number in range(FILES)]
    outcomes = isolated.run({str(number): data for number, (_, data) in enumerate(files)})
    assert len(outcomes) == FILES
    assert {name: faults(outcome) for name, outcome in outcomes.items() if faults(outcome)} == {}
    ready = [int(name) for name, outcome in outcomes.items() if outcome.answer == "ready"]
    assert FILES // 10 < len(ready) < FILES  # if all were rejected, or none, the mutations would find nothing
    # A PNG whose checksums were not computed anew has the seed's pixels or is rejected. Its orientation and its
    # colour profile are lost where their own checksum is wrong.
    pngs = [(at, seed) for at, seed in enumerate(seeds()) if seed.startswith(b"\x89PNG")]
    intact = {f"{at} {kinds}": without(seed, kinds) for at, seed in pngs for kinds in LOST}
    outcomes_of_seeds = isolated.run(intact)
    for number in ready:
        seed, data = files[number]
        if seed.startswith(b"\x89PNG") and data != with_valid_checksums(data):
            names = [f"{seeds().index(seed)} {kinds}" for kinds in LOST]
            assert outcomes[str(number)].variants in [outcomes_of_seeds[name].variants for name in names], number
