"""Image transforms in numpy; images are uint8 [H, W, C] unless said otherwise."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.data.source import Item

# What lies beyond the edges of an image that is moved, by numpy's name for it.
BORDERS: Mapping[str, Literal["reflect", "constant"]] = {
    "reflect": "reflect",
    "black": "constant",
}


@dataclasses.dataclass(frozen=True)
class Transform:
    """What happens to an item between its source and the batch, in two parts.

    Attributes:
      prepare: item -> item, deterministic; its results are kept in memory where they fit, and
        evaluation uses it alone.
      augment: (item, rng) -> item, random, applied at every visit; None for none.

    Both must be picklable (module-level functions, or partials of them) for worker processes, and
    must not write into their input.
    """

    prepare: Callable[[Item], Item]
    augment: Callable[[Item, np.random.Generator], Item] | None = None

    @property
    def description(self) -> str:
        """What the transform does, the same text in every process: for keys of caches."""
        return f"prepare={_describe(self.prepare)}, augment={_describe(self.augment)}"


def square_transform(size: int, *, channels: int, flip: bool = False) -> Transform:
    """Centre square resized to [size, size, channels]; `flip` mirrors it half the time."""
    return Transform(
        prepare=functools.partial(_prepare_square, size=size, channels=channels),
        augment=_augment_flip if flip else None,
    )


def crop_transform(
    size: int, *, channels: int, min_fraction: float = 1.0, flip: bool = False
) -> Transform:
    """Random squares resized to [size, size, channels]; see `random_square` for `min_fraction`.

    Its `prepare` leaves the size alone: evaluate with `square_transform`.
    """
    return Transform(
        prepare=functools.partial(_prepare_channels, channels=channels),
        augment=functools.partial(_augment_square, size=size, min_fraction=min_fraction, flip=flip),
    )


def shift_transform(
    size: int, *, channels: int, pad: int, border: str = "reflect", flip: bool = False
) -> Transform:
    """Centre square resized to [size, size, channels], moved by up to `pad` pixels each way.

    border, flip: see `random_shift`; `flip` mirrors it half the time.
    """
    return Transform(
        prepare=functools.partial(_prepare_square, size=size, channels=channels),
        augment=functools.partial(_augment_shift, pad=pad, border=border, flip=flip),
    )


def center_square(image: np.ndarray) -> np.ndarray:
    """The largest centred square, [S, S, C] with S = min(H, W); an odd margin loses the extra
    row or column at the end.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def area_resize(image: np.ndarray, size: int) -> np.ndarray:
    """Box-filtered image, uint8 [size, size, C].

    Output pixel (i, j) is the mean of the input over the rectangle of height H/size and width
    W/size that it covers, with partly covered pixels weighted by their covered area, summed in
    float64 and rounded half up. This is the "area" resampling of the BigGAN paper (appendix C).

    Raises:
      InputError: if a side of the image is smaller than `size`; see `resize`.
    """
    height, width = image.shape[:2]
    if min(height, width) < size:
        raise InputError(f"a {height}x{width} image cannot be area-resized to {size}x{size}")
    if (height, width) == (size, size):
        return image
    sums = _box_sums(_box_sums(image, size, axis=0), size, axis=1)
    return np.floor(sums * (size * size / (height * width)) + 0.5).astype(np.uint8)


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Square image of another size, uint8 [size, size, C]: area if smaller, bicubic if larger.

    Raises:
      InputError: if the image is not square; see `center_square`.
    """
    height, width = image.shape[:2]
    if height != width:
        raise InputError(f"a {height}x{width} image is not square; crop it first")
    if height >= size:
        return area_resize(image, size)
    planes = [
        Image.fromarray(image[..., c]).resize((size, size), Image.Resampling.BICUBIC)
        for c in range(image.shape[-1])
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def random_crop(image: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A uniformly chosen crop, [size, size, C], of the pixels as they are.

    Raises:
      InputError: if a side of the image is smaller than `size`.
    """
    height, width = image.shape[:2]
    if min(height, width) < size:
        raise InputError(f"a {height}x{width} image is too small for crops of {size}x{size}")
    top = rng.integers(height - size + 1)
    left = rng.integers(width - size + 1)
    return image[top : top + size, left : left + size]


def random_shift(
    image: np.ndarray, pad: int, rng: np.random.Generator, border: str = "reflect"
) -> np.ndarray:
    """A uniformly chosen crop of the image's own size, [H, W, C], from it with a border of `pad`.

    border: a key of BORDERS: the image mirrored at its outermost pixels, or black.
    """
    height, width = image.shape[:2]
    if border not in BORDERS or not 0 <= pad < min(height, width):
        raise InputError(
            f"a border {border!r} of {pad} pixels around a {height}x{width} image; allowed: "
            f"{', '.join(BORDERS)}, of fewer pixels than a side"
        )
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode=BORDERS[border])
    top, left = rng.integers(2 * pad + 1, size=2)
    return padded[top : top + height, left : left + width]


def random_square(
    image: np.ndarray, size: int, rng: np.random.Generator, *, min_fraction: float = 1.0
) -> np.ndarray:
    """A random square resized to [size, size, C].

    Its side is uniform in [min_fraction, 1] times the shorter side of the image, its place uniform.
    """
    if not 0 < min_fraction <= 1:
        raise InputError(f"min_fraction={min_fraction} given; it must lie in (0, 1]")
    shorter = min(image.shape[:2])
    side = max(1, round(shorter * rng.uniform(min_fraction, 1)))
    return resize(random_crop(image, side, rng), size)


def random_flip(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image, mirrored left to right with probability 1/2."""
    return image[:, ::-1] if rng.random() < 0.5 else image


def to_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """The image with 1 or 3 channels: grey is repeated, colour becomes ITU-R 601 luma."""
    given = image.shape[-1]
    if given == channels:
        return image
    if given == 1 and channels == 3:
        return np.repeat(image, 3, axis=-1)
    if given == 3 and channels == 1:
        return np.asarray(Image.fromarray(image).convert("L"))[..., None]
    raise InputError(f"cannot convert {given} channels to {channels}; allowed are 1 and 3")


def to_float(image: np.ndarray) -> np.ndarray:
    """float32 in [-1, 1] of uint8 pixels: x / 127.5 - 1."""
    return image.astype(np.float32) / np.float32(127.5) - np.float32(1)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """uint8 pixels of floats in [-1, 1], rounded; values outside are clipped."""
    return np.clip(np.rint((image + 1) * 127.5), 0, 255).astype(np.uint8)


def _describe(function: Callable | None) -> str:
    if function is None:
        return "None"
    if isinstance(function, functools.partial):
        arguments = [
            *map(repr, function.args),
            *(f"{k}={v!r}" for k, v in function.keywords.items()),
        ]
        return f"{_describe(function.func)}({', '.join(arguments)})"
    return f"{function.__module__}.{function.__qualname__}"


def _box_sums(values: np.ndarray, size: int, *, axis: int) -> np.ndarray:
    """Float64 sums of `values` over `size` equal intervals of an axis of at least that length."""
    length = values.shape[axis]
    # Interval edges k * length / size, split exactly into a pixel and a fraction of it.
    pixel, remainder = np.divmod(np.arange(size + 1) * length, size)
    fraction = (remainder / size).reshape(-1, *[1] * (values.ndim - 1 - axis))
    whole = np.add.reduceat(values, pixel[:-1], axis=axis, dtype=np.float64)
    before_edge = fraction * np.take(values, np.minimum(pixel, length - 1), axis=axis)
    return whole + np.diff(before_edge, axis=axis)


def _prepare_square(item: Item, *, size: int, channels: int) -> Item:
    image = to_channels(center_square(item["image"]), channels)
    return {**item, "image": resize(image, size)}


def _prepare_channels(item: Item, *, channels: int) -> Item:
    return {**item, "image": to_channels(item["image"], channels)}


def _augment_flip(item: Item, rng: np.random.Generator) -> Item:
    return {**item, "image": random_flip(item["image"], rng)}


def _augment_square(
    item: Item, rng: np.random.Generator, *, size: int, min_fraction: float, flip: bool
) -> Item:
    image = random_square(item["image"], size, rng, min_fraction=min_fraction)
    return {**item, "image": random_flip(image, rng) if flip else image}


def _augment_shift(
    item: Item, rng: np.random.Generator, *, pad: int, border: str, flip: bool
) -> Item:
    image = random_shift(item["image"], pad, rng, border)
    return {**item, "image": random_flip(image, rng) if flip else image}
