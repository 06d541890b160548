"""What a file repeats is counted over the whole file: small boxes and chunks must not buy much memory."""

import struct
import tracemalloc
from collections.abc import Iterable, Sequence

import pytest
from PIL import Image

from shared.images.codec import boxes
from shared.images.codec.limits import HEIF_ASSOCIATIONS_MAX, HEIF_ITEMS_MAX
from shared.images.codec.pipeline import compress
from shared.images.codec.webp import open_webp
from shared.images.rejections import RejectedImage
from tests.support.avif_samples import avif, box, full_box, imir, ispe
from tests.support.metadata_samples import webp, webp_chunk

PICTURE = Image.new("RGB", (64, 48), "red")
FTYP = box(b"ftyp", b"avif", bytes(4), b"avif")
INFE = full_box(b"infe", struct.pack(">HH", 1, 0), b"av01\0", version=2)
SPLITS = {"one box": 1, "many boxes": 100}


def ipma(places: Iterable[int]) -> bytes:
    """For each entry, all of item 1, the number of times that it has property 1."""
    entries = [struct.pack(">HB", 1, count) + b"\1" * count for count in places]
    return full_box(b"ipma", struct.pack(">I", len(entries)), *entries)


def iloc(places: int, version: int = 0, written: int | None = None) -> bytes:
    """Items without extents, of which not all need to be written."""
    empty = {0: bytes(6), 2: bytes(10)}[version]
    count = struct.pack(">I" if version else ">H", places)
    return full_box(b"iloc", bytes(2), count, empty * (places if written is None else written), version=version)


def file_of(*properties: bytes, places: bytes = iloc(0)) -> bytes:
    iprp, pitm = box(b"iprp", *properties), full_box(b"pitm", b"\0\1")
    return FTYP + full_box(b"meta", pitm, full_box(b"iinf", b"\0\1", INFE), places, iprp)


def read(data: bytes) -> boxes.Meta:
    return boxes.read_meta(data, next(found for found in boxes.top_level(data) if found.kind == b"meta"))


def rejection(data: bytes) -> str:
    with pytest.raises(RejectedImage) as rejected:
        compress(data)
    return rejected.value.code


def split(total: int, piece: int) -> list[int]:
    return [piece] * (total // piece) + [total % piece] * (total % piece > 0)


def associated(total: int, boxes_count: int) -> bytes:
    shares = split(total, -(-total // boxes_count))
    return file_of(box(b"ipco", imir(0)), *(ipma(split(share, 255)) for share in shares))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[boxes.Association]:
    """Every association that is kept."""
    kept: list[boxes.Association] = []
    make = boxes.Association

    def record(property_: boxes.Box, at: int, is_short: bool) -> boxes.Association:
        kept.append(make(property_, at, is_short))
        return kept[-1]

    monkeypatch.setattr(boxes, "Association", record)
    return kept


@pytest.mark.parametrize("boxes_count", SPLITS.values(), ids=SPLITS)
def test_associations_up_to_the_limit_are_all_read(boxes_count: int) -> None:
    meta = read(associated(HEIF_ASSOCIATIONS_MAX, boxes_count))
    assert len(meta.items[1].associations) == HEIF_ASSOCIATIONS_MAX


@pytest.mark.parametrize("boxes_count", SPLITS.values(), ids=SPLITS)
def test_associations_above_the_limit_are_too_complex(boxes_count: int, made: list[boxes.Association]) -> None:
    assert rejection(associated(HEIF_ASSOCIATIONS_MAX + 1, boxes_count)) == "too_complex"
    assert len(made) <= HEIF_ASSOCIATIONS_MAX


def test_millions_of_associations_are_refused_before_they_are_kept(made: list[boxes.Association]) -> None:
    bomb = file_of(box(b"ipco", imir(0)), *[ipma([255] * HEIF_ITEMS_MAX)] * 20)
    assert rejection(bomb) == "too_complex"
    assert len(made) <= HEIF_ASSOCIATIONS_MAX


@pytest.mark.parametrize("boxes_count", SPLITS.values(), ids=SPLITS)
def test_entries_without_associations_are_counted_over_all_boxes(boxes_count: int) -> None:
    entries = [ipma([0] * (HEIF_ITEMS_MAX // boxes_count))] * boxes_count
    assert not read(file_of(box(b"ipco", imir(0)), *entries)).items[1].associations
    assert rejection(file_of(box(b"ipco", imir(0)), *entries, ipma([0]))) == "too_complex"


@pytest.mark.parametrize("boxes_count", SPLITS.values(), ids=SPLITS)
def test_stored_properties_are_counted_over_all_boxes(boxes_count: int) -> None:
    stored = [box(b"ipco", imir(0) * (HEIF_ITEMS_MAX // boxes_count))] * boxes_count
    assert len(read(file_of(*stored, ipma([1]))).items[1].associations) == 1
    assert rejection(file_of(*stored, box(b"ipco", imir(0)), ipma([1]))) == "too_complex"


@pytest.mark.parametrize("version", [0, 2])
def test_places_of_items_without_extents_are_counted(version: int) -> None:
    assert not read(file_of(places=iloc(HEIF_ITEMS_MAX, version))).items[1].extents
    assert rejection(file_of(places=iloc(HEIF_ITEMS_MAX + 1, version))) == "too_complex"


def test_claim_of_billions_of_items_is_refused_unread() -> None:
    """The items end early, which would be corrupt if they were read."""
    assert rejection(file_of(places=iloc(0xFFFFFFFF, 2, written=HEIF_ITEMS_MAX))) == "too_complex"


@pytest.mark.parametrize("boxes_count", [1, 3], ids=["one box", "many boxes"])
def test_picture_sizes_are_counted_over_the_whole_file(boxes_count: int) -> None:
    def sized(count: int) -> bytes:
        shares = split(count - 1, -(-(count - 1) // boxes_count))  # the picture has one of its own
        descriptions = (full_box(b"udes", bytes([at]), ispe(9, 9) * share) for at, share in enumerate(shares))
        return avif(PICTURE, *descriptions, essential=False)

    assert compress(sized(HEIF_ITEMS_MAX), ("jpeg",)).width == PICTURE.width
    assert rejection(sized(HEIF_ITEMS_MAX + 1)) == "too_complex"


Extents = Sequence[Sequence[tuple[int, int]]]


@pytest.mark.parametrize(
    ("extents", "is_corrupt"),
    [
        pytest.param([[(0, 60), (60, 100)]], False, id="one item, the whole file"),
        pytest.param([[(0, 100), (0, 1)]], True, id="one item, a byte more"),
        pytest.param([[(0, 25), (25, 50)]] * 2, False, id="two items, as much as the file"),
        pytest.param([*[[(0, 25), (25, 50)]] * 2, [(0, 1), (1, 1)]], True, id="three items, a byte more"),
        pytest.param([[(0, 50), (50, 100)]] * 500, True, id="many items, each the whole file"),
        pytest.param([[(0, 100)]] * 1_000, False, id="many items that share one extent"),
        pytest.param([[(0, 10**30)]] * 1_000, False, id="many items that end behind the file"),
    ],
)
def test_copies_of_coded_data_never_exceed_the_file(extents: Extents, is_corrupt: bool) -> None:
    data = bytes(range(100))
    items = [boxes.Item(b"av01", 0, list(each)) for each in extents]
    if is_corrupt:
        with pytest.raises(RejectedImage) as rejected:
            boxes.items_data(data, items)
        assert rejected.value.code == "corrupt"
    else:
        expected = [b"".join(data[start:end] for start, end in each) for each in extents]
        assert [bytes(piece) for piece in boxes.items_data(data, items)] == expected


@pytest.mark.parametrize("is_animation", [False, True], ids=["in the file", "in a frame"])
def test_unknown_chunks_of_webp_take_no_memory(is_animation: bool) -> None:
    unknown = b"".join(webp_chunk(struct.pack(">I", number), b"") for number in range(20_000))
    plain = webp(PICTURE)
    if is_animation:
        frame = webp_chunk(b"ANMF", bytes(6) + struct.pack("<HBHB", 63, 0, 47, 0) + bytes(4) + plain[30:] + unknown)
        upload = plain[:20] + b"\2" + plain[21:30] + webp_chunk(b"ANIM", bytes(6)) + frame
    else:
        upload = plain + unknown
    tracemalloc.start()
    try:
        source = open_webp(upload)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < len(upload)
    assert source.load().size == PICTURE.size
