"""Arrays under the names that HED has for PyTorch, drawn from the names."""

import zlib

import numpy as np

_WIDTHS = (64, 128, 256, 512, 512)
_DEPTHS = (2, 2, 3, 3, 3)
_BLOCKS = ("One", "Two", "Thr", "Fou", "Fiv")


def shapes(widths=_WIDTHS):
    result, before = {}, 3
    for block, (name, width, depth) in enumerate(zip(_BLOCKS, widths, _DEPTHS)):
        for layer in range(depth):
            number = 2 * layer + (block > 0)
            result[f"moduleVgg{name}.{number}"] = (width, before, 3, 3)
            before = width
        result[f"moduleScore{name}"] = (1, width, 1, 1)
    return {**result, "moduleCombine.0": (1, 5, 1, 1)}


def arrays(widths=_WIDTHS):
    result = {}
    for name, shape in shapes(widths).items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        scale = np.sqrt(2 / np.prod(shape[1:])) * (0.02 if "Score" in name else 1)
        result[f"{name}.weight"] = rng.standard_normal(shape, np.float32) * np.float32(scale)
        result[f"{name}.bias"] = rng.standard_normal(shape[0], np.float32) * np.float32(0.1)
    return result


def picture():
    return np.random.default_rng(5).integers(0, 256, (34, 46, 3), np.uint8)
