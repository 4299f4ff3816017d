"""Pictures in time: animated GIF and WebP files."""

import io
import pathlib

import numpy as np
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.whole_files import write_atomically

FORMATS = {".gif": "GIF", ".webp": "WEBP"}


def there_and_back(frames: np.ndarray) -> np.ndarray:
    """Returns frames [T, ...], then those between the last and the first in reverse order.

    Repeated endlessly they swing between both ends, without a frame shown twice in a row.
    """
    return np.concatenate([frames, frames[-2:0:-1]])


def write_animation(path: pathlib.Path, frames: np.ndarray, *, frames_per_second: float) -> None:
    """Writes frames as an endless animation, whole or not at all.

    GIF has 256 colours a frame and whole hundredths of a second; WebP is lossless.

    path: with the suffix .gif or .webp. frames: uint8 [T, H, W, 1 or 3]. Raises InputError for
    another suffix, no positive rate, or a file that cannot be written.
    """
    if path.suffix not in FORMATS:
        raise InputError(f"{path} is no animation; allowed are {' and '.join(FORMATS)}")
    if not 0 < frames_per_second <= 50:
        raise InputError(f"{frames_per_second:g} frames a second given; allowed are up to 50")
    pictures = [Image.fromarray(f[..., 0] if f.shape[-1] == 1 else f) for f in frames]
    options = {"lossless": True} if path.suffix == ".webp" else {"optimize": False}
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        format=FORMATS[path.suffix],
        save_all=True,
        append_images=pictures[1:],
        duration=round(1000 / frames_per_second),
        loop=0,
        **options,
    )
    write_atomically(path, buffer.getvalue())
