"""Colours given as code points (nclx, H.273) instead of a profile: the profile that means the same."""

import math
import struct
from collections.abc import Callable
from functools import lru_cache

Matrix = tuple[tuple[float, ...], ...]
Point = tuple[float, float]

D65, ILLUMINANT_C, DCI_WHITE, EQUAL_ENERGY = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351), (1 / 3, 1 / 3)
# x and y of red, green, blue and white, by code point.
PRIMARIES: dict[int, tuple[Point, Point, Point, Point]] = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), D65),  # BT.709 and sRGB
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), ILLUMINANT_C),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), ILLUMINANT_C),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),  # BT.2020
    10: ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), EQUAL_ENERGY),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), DCI_WHITE),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),  # Display P3
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), D65),
}
SRGB_PRIMARIES = 1
GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}  # transfer characteristics that are a power
PQ, HLG = 16, 18
# All others are shown as sRGB, as browsers do: the curves of BT.709 and its kin describe cameras, not displays.

SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
WHITE_NITS, PEAK_NITS = 203, 1_000  # BT.2408's white of a picture in high dynamic range, and the usual highlights
SHOULDER = 0.8  # of the display's white, above which highlights are compressed
CURVE_POINTS = 1_024
BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
D50_XYZ = (0.9642, 1.0, 0.8249)


@lru_cache(maxsize=8)
def profile_of(primaries: int, transfer: int) -> bytes | None:
    """An ICC profile for these code points; None where they mean sRGB, or nothing that is known."""
    points = PRIMARIES.get(primaries, PRIMARIES[SRGB_PRIMARIES])
    curve = _curve(transfer)
    if points is PRIMARIES[SRGB_PRIMARIES] and curve == _curve(0):
        return None
    red, green, blue = zip(*_to_d50(points), strict=True)
    tags = {
        b"wtpt": _xyz(D50_XYZ),
        b"rXYZ": _xyz(red),
        b"gXYZ": _xyz(green),
        b"bXYZ": _xyz(blue),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(value))
        body += value
    size = at + len(body)
    header = struct.pack(">I4sI4s4s4s12s4s28x", size, b"", 0x04000000, b"mntr", b"RGB ", b"XYZ ", b"", b"acsp")
    return (header + _fixed(*D50_XYZ)).ljust(128, b"\0") + table + body


def _curve(transfer: int) -> bytes:
    """The tag that leads from a stored value to light, 0 to 1."""
    if transfer in GAMMAS:
        return struct.pack(">4s4xHxx", b"para", 0) + _fixed(GAMMAS[transfer])
    if transfer not in (PQ, HLG):
        return struct.pack(">4s4xHxx", b"para", 3) + _fixed(*SRGB_CURVE)
    light: Callable[[float], float] = _pq_nits if transfer == PQ else _hlg_nits
    values = (_tone_map(light(place / (CURVE_POINTS - 1)) / WHITE_NITS) for place in range(CURVE_POINTS))
    return struct.pack(f">4s4xI{CURVE_POINTS}H", b"curv", CURVE_POINTS, *(round(65_535 * value) for value in values))


def _pq_nits(value: float) -> float:
    """SMPTE ST 2084."""
    power = value ** (1 / 78.84375)
    return float(10_000 * (max(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125))


def _hlg_nits(value: float) -> float:
    """ARIB STD-B67 on a display of 1,000 nits; its curve is applied to each channel alone."""
    scene = value * value / 3
    if value > 0.5:
        scene = (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return float(PEAK_NITS * scene**1.2)


def _tone_map(light: float) -> float:
    """Leave what a display can show nearly as it is, and compress the highlights above into the rest."""
    if light <= SHOULDER:
        return light
    room = 1 - SHOULDER
    peak, above = (PEAK_NITS / WHITE_NITS - SHOULDER) / room, (min(light, PEAK_NITS / WHITE_NITS) - SHOULDER) / room
    return SHOULDER + room * above * (1 + above / peak**2) / (1 + above)


def _to_d50(points: tuple[Point, Point, Point, Point]) -> Matrix:
    """The matrix from linear colours to XYZ, adapted to the white that profiles refer to."""
    red, green, blue, white = (_xyz_of(point) for point in points)
    columns = _transpose((red, green, blue))
    shares = _apply(_inverse(columns), white)
    matrix = tuple(tuple(value * share for value, share in zip(row, shares, strict=True)) for row in columns)
    cones_from, cones_to = _apply(BRADFORD, white), _apply(BRADFORD, D50_XYZ)
    scales = [to / from_ for to, from_ in zip(cones_to, cones_from, strict=True)]
    scaled = tuple(tuple(value * scale for value in row) for row, scale in zip(BRADFORD, scales, strict=True))
    adapted = _multiply(_inverse(BRADFORD), scaled)
    return _multiply(adapted, matrix)


def _xyz_of(point: Point) -> tuple[float, ...]:
    x, y = point
    return (x / y, 1.0, (1 - x - y) / y) if y else (x, y, 1 - x - y)


def _transpose(matrix: Matrix) -> Matrix:
    return tuple(zip(*matrix, strict=True))


def _apply(matrix: Matrix, vector: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sum(m * v for m, v in zip(row, vector, strict=True)) for row in matrix)


def _multiply(first: Matrix, second: Matrix) -> Matrix:
    return _transpose(tuple(_apply(first, column) for column in _transpose(second)))


def _inverse(matrix: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    cofactors = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    determinant = a * cofactors[0][0] + b * cofactors[1][0] + c * cofactors[2][0]
    return tuple(tuple(value / determinant for value in row) for row in cofactors)


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*values)


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65_536)) for value in values)
