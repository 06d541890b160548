"""Five thousand files that began as pictures: each ends ready or rejected, and none breaks anything on the way.

Seeded: file n is the same in every run. A file that fails is named by its number; `mutated(n)` makes it again.
"""

from collections.abc import Callable
from functools import cache
from random import Random

from PIL import Image

from tests import fresh
from tests.fresh import faults
from tests.pictures import chunk, display_p3, encode, everything, exif, jpeg, photo, resummed, stored

FILES = 5_000
EXTREMES = (b"\0\0", b"\0\1", b"\x7f\xff", b"\x80\0", b"\xff\xff", b"\xff\xd8", b"\xff\xda", b"\xff\xd9", b"\0\0\0\0")


@cache
def seeds() -> list[bytes]:
    """Small pictures of every format and most modes, with every kind of metadata."""
    picture = photo(48, 32)
    clear = picture.copy()
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    beside = {"exif": exif(6), "icc_profile": display_p3()}
    whole_png = encode(clear, "PNG", **beside)
    return [
        jpeg(stored(picture, 6), everything(6), icc_profile=display_p3()),
        jpeg(picture, everything(3), progressive=True),
        jpeg(picture.convert("CMYK"), restart_marker_blocks=2),
        jpeg(picture.convert("L"), trailer=jpeg(picture)),
        whole_png[:33] + chunk(b"tEXt", b"Comment\0CANARY") + whole_png[33:],
        encode(picture.convert("P"), "PNG", transparency=1),
        encode(picture.convert("I;16"), "PNG"),
        encode(picture.convert("1"), "PNG"),
        encode(picture, "WEBP", **beside, xmp=b"CANARY"),
        encode(clear, "WEBP", **beside),
        encode(picture, "WEBP", lossless=True),
        encode(picture, "WEBP", save_all=True, append_images=[clear]),
        encode(picture, "AVIF", **beside, xmp=b"CANARY"),
        encode(clear, "AVIF", exif=exif(5)),
        encode(picture, "AVIF", save_all=True, append_images=[picture.rotate(180)]),
    ]


def flip(random: Random, data: bytearray) -> None:
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def flip_header(random: Random, data: bytearray) -> None:
    for _ in range(random.choice((1, 2, 5))):
        data[random.randrange(min(len(data), 200))] = random.randrange(256)


def put_extreme(random: Random, data: bytearray) -> None:
    at, extreme = random.randrange(len(data)), random.choice(EXTREMES)
    data[at : at + len(extreme)] = extreme


def cut(random: Random, data: bytearray) -> None:
    del data[random.randrange(len(data)) :]


def take_out(random: Random, data: bytearray) -> None:
    at = random.randrange(len(data))
    del data[at : at + random.choice((1, 2, 4, 50, 500))]


def repeat(random: Random, data: bytearray) -> None:
    at, length = random.randrange(len(data)), random.choice((1, 4, 50, 500))
    data[at:at] = data[at : at + length] * random.choice((1, 2, 100))


def put_noise(random: Random, data: bytearray) -> None:
    at = random.randrange(len(data))
    data[at:at] = random.randbytes(random.choice((1, 4, 50, 500)))


def splice(random: Random, data: bytearray) -> None:
    other = random.choice(seeds())
    data[random.randrange(len(data)) :] = other[random.randrange(len(other)) :]


MUTATIONS: tuple[Callable[[Random, bytearray], None], ...] = (
    flip, flip_header, put_extreme, cut, take_out, repeat, put_noise, splice,
)  # fmt: skip


def mutated(number: int) -> tuple[bytes, bytes]:
    """The seed, and what file `number` made of it: one to three mutations, a PNG's checksums often made to fit."""
    random = Random(number)
    seed = random.choice(seeds())
    data = bytearray(seed)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if data:
            random.choice(MUTATIONS)(random, data)
    is_png = seed.startswith(b"\x89PNG")
    return seed, resummed(bytes(data)) if is_png and random.random() < 0.6 else bytes(data)


def test_five_thousand_mutated_files_end_ready_or_rejected() -> None:
    files = [mutated(number) for number in range(FILES)]
    outcomes = fresh.run({str(number): data for number, (_, data) in enumerate(files)})
    assert len(outcomes) == FILES
    assert {name: faults(outcome) for name, outcome in outcomes.items() if faults(outcome)} == {}
    ready = [int(name) for name, outcome in outcomes.items() if outcome.answer == "ready"]
    assert FILES // 10 < len(ready) < FILES  # mutations that all fail, or all pass, find nothing
    # Checksums that were not made to fit vouch for a PNG's pixels: they are the seed's, or it is rejected.
    whole = {str(at): seed for at, seed in enumerate(seeds())}
    intended = {whole[name]: outcome.variants for name, outcome in fresh.run(whole).items()}
    for number in ready:
        seed, data = files[number]
        if seed.startswith(b"\x89PNG") and data != resummed(data):
            assert outcomes[str(number)].variants == intended[seed], number
