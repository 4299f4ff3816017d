"""Arguments of functions that users call with plain arrays, checked before a network sees them."""

from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError


def checked_picture(image: Any, what: str = "image") -> np.ndarray:
    """Returns uint8 [H, W, 3]; raises InputError, with what was given, for anything else."""
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise InputError(f"{what} is {described(array)}; it must be RGB, uint8 [height, width, 3]")
    return array


def checked_marks(marks: Any, image: np.ndarray, what: str) -> np.ndarray:
    """Returns uint8 {0, 1} [H, W, 1] of numbers or truth values [H, W] or [H, W, 1].

    All but 0 is marked. Raises InputError unless they are of the height and width of `image`.
    """
    array = np.asarray(marks)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.shape != image.shape[:2] or array.dtype.kind not in "biuf":
        height, width = image.shape[:2]
        raise InputError(
            f"{what} is {described(np.asarray(marks))}; it must be [{height}, {width}], as large "
            "as the image, True or above 0 where it marks"
        )
    return (array != 0).astype(np.uint8)[..., None]


def checked_number(value: Any, what: str, *, least: int = 0, below: int | None = None) -> int:
    """Returns a whole number; raises InputError unless it is from `least` on and below `below`."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (below is not None and value >= below):
        limit = "or more" if below is None else f"to {below - 1}"
        raise InputError(f"{what} is {value!r}; it must be a whole number, {least} {limit}")
    return int(value)


def described(array: np.ndarray) -> str:
    """Returns the type and the shape of an array, for messages."""
    return f"{array.dtype} {list(array.shape)}"
