"""Colour differences against published numbers of CIEDE2000."""

import numpy as np
import pytest

from jaxrepro.metrics.pictures.color_fidelity import stroke_color_differences


def of_one_color(color):
    return np.broadcast_to(np.array(color, np.uint8), (4, 4, 3))


def marks(*places):
    mask = np.zeros((4, 4, 1), np.uint8)
    for place in places:
        mask[place] = 1
    return mask


def test_black_and_white_are_a_hundred_apart():
    got = stroke_color_differences(
        of_one_color(0), of_one_color(255), marks((0, 0), (1, 2)), marks((1, 2), (3, 3))
    )
    assert got == pytest.approx([100], abs=1e-3)


def lab(color):
    """CIELAB of an sRGB colour by the standard's numbers, D65."""
    linear = np.array(color) / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    matrix = np.array(
        [
            [0.412453, 0.357580, 0.180423],
            [0.212671, 0.715160, 0.072169],
            [0.019334, 0.119193, 0.950227],
        ]
    )
    x, y, z = matrix @ linear / (0.95047, 1, 1.08883)
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def ciede2000(one, other):
    """Sharma, Wu and Dalal (2005), equations 2 to 22, for colours with hues less than 180 apart."""
    (l1, a1, b1), (l2, a2, b2) = lab(one), lab(other)
    c = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = (1 - np.sqrt(c**7 / (c**7 + 25.0**7))) / 2
    c1, c2 = np.hypot((1 + g) * a1, b1), np.hypot((1 + g) * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, (1 + g) * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    assert abs(h2 - h1) < 180
    dl, dc, dh = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(h2 - h1) / 2)
    light, c, h = (l1 + l2) / 2, (c1 + c2) / 2, (h1 + h2) / 2
    cos = lambda degrees: np.cos(np.radians(degrees))  # noqa: E731
    t = 1 - 0.17 * cos(h - 30) + 0.24 * cos(2 * h) + 0.32 * cos(3 * h + 6) - 0.2 * cos(4 * h - 63)
    sl = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * c, 1 + 0.015 * c * t
    rc = 2 * np.sqrt(c**7 / (c**7 + 25.0**7))
    rt = -np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2)))) * rc
    parts = dl / sl, dc / sc, dh / sh
    return np.sqrt(sum(p**2 for p in parts) + rt * parts[1] * parts[2])


def test_differences_are_those_of_the_standard():
    skin, brown, blue, violet = (224, 172, 140), (120, 72, 40), (40, 60, 200), (90, 60, 220)
    image, color = of_one_color(skin).copy(), of_one_color(brown).copy()
    image[1], color[1] = blue, violet
    got = stroke_color_differences(image, color, marks((0, 0), (1, 0)), marks((0, 0), (1, 0)))
    want = [ciede2000(skin, brown), ciede2000(blue, violet)]
    np.testing.assert_allclose(got, want, rtol=1e-3)


def test_no_strokes_in_the_hole():
    black = of_one_color(0)
    assert stroke_color_differences(black, black, marks((0, 0)), marks((1, 1))).shape == (0,)
