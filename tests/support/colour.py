"""Colours as eyes see them: simulated deficiencies of colour vision, and CIEDE2000 between two."""

import math
from itertools import starmap

Triple = tuple[float, float, float]
Matrix = tuple[Triple, Triple, Triple]

SIMULATED: dict[str, Matrix] = {
    "none": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}  # fmt: skip
"""Machado, Oliveira, Fernandes (2009), severity 1.0, on linear RGB: what Chromium emulates too."""
_TO_XYZ: Matrix = (
    (0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)  # fmt: skip
_WHITE: Triple = (0.95047, 1.0, 1.08883)


def seen(hexed: str, deficiency: str) -> Triple:
    """CIELAB of ``#rrggbb`` as an eye with ``deficiency`` (a key of SIMULATED) takes it for."""
    linear = [_linear(int(hexed[at : at + 2], 16) / 255) for at in (1, 3, 5)]
    shown = [min(max(one, 0.0), 1.0) for one in _times(SIMULATED[deficiency], linear)]
    x, y, z = starmap(_f, zip(_times(_TO_XYZ, shown), _WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _times(matrix: Matrix, by: list[float]) -> list[float]:
    return [sum(one * other for one, other in zip(row, by, strict=True)) for row in matrix]


def _f(part: float, white: float) -> float:
    ratio = part / white
    return math.cbrt(ratio) if ratio > (6 / 29) ** 3 else ratio / (3 * (6 / 29) ** 2) + 4 / 29


def distance(one: Triple, other: Triple) -> float:
    """CIEDE2000 of two CIELAB colours (Sharma, Wu, Dalal 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean**7 / (mean**7 + 25**7)))
    c1, h1 = _polar(a1 * (1 + g), b1)
    c2, h2 = _polar(a2 * (1 + g), b2)
    light, chroma = l2 - l1, c2 - c1
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    hue = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    between = h1 + h2 if c1 * c2 == 0 else _mean_hue(h1, h2)
    c, low = (c1 + c2) / 2, ((l1 + l2) / 2 - 50) ** 2
    s_l = 1 + 0.015 * low / math.sqrt(20 + low)
    s_c, s_h = 1 + 0.045 * c, 1 + 0.015 * c * _tilt(between)
    bend = 60 * math.exp(-(((between - 275) / 25) ** 2))
    turned = -2 * math.sqrt(c**7 / (c**7 + 25**7)) * math.sin(math.radians(bend))
    parts = light / s_l, chroma / s_c, hue / s_h
    return math.sqrt(sum(part**2 for part in parts) + turned * parts[1] * parts[2])


def _polar(a: float, b: float) -> tuple[float, float]:
    return math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def _mean_hue(h1: float, h2: float) -> float:
    if abs(h1 - h2) <= 180:
        return (h1 + h2) / 2
    return (h1 + h2 + (360 if h1 + h2 < 360 else -360)) / 2


def _tilt(hue: float) -> float:
    waves = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    return 1 + sum(size * math.cos(math.radians(by * hue + at)) for size, by, at in waves)
