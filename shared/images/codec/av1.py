"""What an AV1 stream says about its pictures in its sequence header; nothing is decoded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.images.codec.limits import AV1_UNITS_MAX
from shared.images.rejections import RejectedImage

SEQUENCE_HEADER = 1
SIZE_BYTES_MAX = 8
HEADER_BYTES_MAX = 1_024
UNSPECIFIED, BT709, SRGB, IDENTITY = 2, 1, 13, 0  # code points for colours
SELECT_SCREEN_CONTENT_TOOLS = 2


@dataclass(frozen=True, slots=True)
class SequenceHeader:
    width: int  # the largest that a frame may have
    height: int
    depth: int  # bits per sample
    samples: float  # per pixel: 1 for grey, 1.5 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4
    primaries: int
    transfer: int


def sequence_headers(streams: Iterable[bytes | memoryview]) -> Iterator[SequenceHeader]:
    """All of these streams, each of units that begin with their kind and their size."""
    units = 0
    for stream in streams:
        at = 0
        while at < len(stream):
            units += 1
            if units > AV1_UNITS_MAX:
                raise RejectedImage("too_complex")
            head = stream[at]
            at += 2 if head & 4 else 1  # with an extension
            size = len(stream) - at
            if head & 2:
                size, at = _size(stream, at)
            if head >> 3 & 15 == SEQUENCE_HEADER:
                yield _read_sequence_header(stream[at : at + size])
            at += size


def _size(stream: bytes | memoryview, at: int) -> tuple[int, int]:
    """A size in groups of seven bits, the lowest first, and where it ends."""
    size = 0
    for place in range(SIZE_BYTES_MAX):
        part = stream[at + place]
        size |= (part & 127) << 7 * place
        if part < 128:
            return size, at + place + 1
    raise RejectedImage("corrupt")


class _Bits:
    def __init__(self, data: bytes | memoryview) -> None:
        head = data[:HEADER_BYTES_MAX]
        self.bits = int.from_bytes(head, "big")
        self.left = 8 * len(head)

    def read(self, count: int) -> int:
        self.left -= count
        if self.left < 0:
            raise RejectedImage("corrupt")
        return self.bits >> self.left & (1 << count) - 1

    def read_variable(self) -> None:
        zeros = 0
        while not self.read(1):
            zeros += 1
        self.read(zeros if zeros < 32 else 0)


def _read_sequence_header(data: bytes | memoryview) -> SequenceHeader:
    bits = _Bits(data)
    profile = bits.read(3)
    bits.read(1)  # one picture only
    is_reduced = bits.read(1)
    if is_reduced:
        bits.read(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    width, height = bits.read(width_bits) + 1, bits.read(height_bits) + 1
    if not is_reduced and bits.read(1):  # numbers of frames
        bits.read(7)
    bits.read(3)
    if not is_reduced:
        _skip_tools(bits)
    bits.read(3)
    return SequenceHeader(width, height, *_read_colours(bits, profile))


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = 0
    if bits.read(1):  # timing
        bits.read(64)
        if bits.read(1):
            bits.read_variable()
        if bits.read(1):
            delay_bits = bits.read(5) + 1
            bits.read(42)
    has_display_delay = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) > 7:
            bits.read(1)
        if delay_bits and bits.read(1):
            bits.read(2 * delay_bits + 1)
        if has_display_delay and bits.read(1):
            bits.read(4)


def _skip_tools(bits: _Bits) -> None:
    bits.read(4)
    has_order_hint = bits.read(1)
    if has_order_hint:
        bits.read(2)
    screen_content_tools = SELECT_SCREEN_CONTENT_TOOLS if bits.read(1) else bits.read(1)
    if screen_content_tools and not bits.read(1):
        bits.read(1)
    if has_order_hint:
        bits.read(3)


def _read_colours(bits: _Bits, profile: int) -> tuple[int, float, int, int]:
    """The depth, the samples per pixel, the primaries and the transfer curve."""
    depth = 10 if bits.read(1) else 8
    if profile == 2 and depth == 10 and bits.read(1):
        depth = 12
    is_grey = profile != 1 and bits.read(1)
    primaries, transfer, matrix = UNSPECIFIED, UNSPECIFIED, UNSPECIFIED
    if bits.read(1):
        primaries, transfer, matrix = bits.read(8), bits.read(8), bits.read(8)
    if is_grey:
        return depth, 1, primaries, transfer
    if profile == 1 or (primaries, transfer, matrix) == (BT709, SRGB, IDENTITY):
        return depth, 3, primaries, transfer
    bits.read(1)  # the range of the samples
    if profile == 0:
        return depth, 1.5, primaries, transfer
    if depth != 12:
        return depth, 2, primaries, transfer
    is_half_wide = bits.read(1)
    is_half_high = is_half_wide and bits.read(1)
    return depth, 1.5 if is_half_high else 2 if is_half_wide else 3, primaries, transfer
