"""Sets of images in the four idx files of MNIST, Fashion-MNIST and others, as they are released."""

import gzip
import math
import pathlib
import zlib

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path
from jaxrepro.data.source import Source
from jaxrepro.data.transforms import to_channels

_PREFIXES = {"train": "train", "test": "t10k"}
# What an idx file begins with: two zeros, the code of uint8, the number of axes.
_UINT8 = b"\0\0\x08"
_IMAGES, _LABELS = 3, 1
# More than this in one file is a damaged header, not a set of digits.
_MOST_BYTES = 2**32


class IdxSource(Source):
    """Grey images of `directory/train-images-idx3-ubyte` and the three files beside it.

    Files may end in .gz, and may have a point for the hyphen before "idx". Splits: "train" and
    "test", whose files begin with "t10k". Classes are numbers, from 0 to the greatest label of
    training.
    """

    def __init__(self, directory: str, *, split: str = "train", channels: int = 1):
        folder = local_path(directory).absolute()
        if split not in _PREFIXES:
            raise InputError(f"idx:{folder} has no split {split!r}; its splits are train and test")
        of_training = read_idx(_found(folder, "train", _LABELS), _LABELS)
        classes = int(of_training.max(initial=0)) + 1
        super().__init__(
            f"idx:{folder}",
            split=split,
            channels=channels,
            class_names=tuple(map(str, range(classes))),
        )
        path = _found(folder, _PREFIXES[split], _IMAGES)
        self._images = read_idx(path, _IMAGES)
        of_labels = _found(folder, _PREFIXES[split], _LABELS)
        labels = of_training if split == "train" else read_idx(of_labels, _LABELS)
        if len(labels) != len(self._images):
            raise InputError(f"{path} has {len(self._images)} images, {of_labels} {len(labels)}")
        if not self._images.size:
            raise InputError(f"{path} has images of {self._images.shape}, which are none")
        if labels.max() >= classes:
            raise InputError(f"{of_labels} has the label {labels.max()}, training has {classes}")
        self._labels = labels.astype(np.int32)

    @property
    def labels(self) -> np.ndarray:
        """Labels of the images, int32 [N]."""
        return self._labels

    def read_image(self, index: int) -> np.ndarray:
        """Image `index`, uint8 [H, W, channels]."""
        return to_channels(self._images[index][..., None], self.channels)

    def fingerprint(self) -> str:
        """A hash of what it is and of all pixels."""
        return f"{super().fingerprint()}-{zlib.crc32(self._images.data):08x}"


def read_idx(path: pathlib.Path, num_axes: int) -> np.ndarray:
    """Returns the uint8 array in an idx file, .gz or not.

    Raises InputError for a file of another kind or number of axes, and one that is too short, too
    long or cannot be unpacked; it is named.
    """
    open_file = gzip.open if path.suffix == ".gz" else open
    try:
        with open_file(path, "rb") as file:
            start = file.read(4)
            if start != _UINT8 + bytes([num_axes]):
                raise InputError(
                    f"{path} begins with {start.hex(' ') or 'nothing'}; an idx file of "
                    f"{'images' if num_axes == _IMAGES else 'labels'} with 00 00 08 0{num_axes}"
                )
            header = file.read(4 * num_axes)
            if len(header) < 4 * num_axes:
                raise InputError(f"{path} ends within its header; get it again")
            shape = tuple(int(n) for n in np.frombuffer(header, ">u4"))
            wanted = math.prod(shape)
            if wanted > _MOST_BYTES:
                raise InputError(f"{path} says that its array is {shape}; get it again")
            content = file.read(wanted + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}; get it again") from error
    if len(content) != wanted:
        says = f"more than the {wanted}" if len(content) > wanted else f"{len(content)} of {wanted}"
        raise InputError(f"{path} holds {says} bytes that its sizes {shape} ask for; get it again")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _found(folder: pathlib.Path, prefix: str, num_axes: int) -> pathlib.Path:
    """Returns a file of a set by one of its names; raises InputError if there is none."""
    what = "images" if num_axes == _IMAGES else "labels"
    names = [f"{prefix}-{what}{mark}idx{num_axes}-ubyte" for mark in "-."]
    paths = [folder / f"{name}{suffix}" for name in names for suffix in ("", ".gz")]
    for path in paths:
        if path.is_file():
            return path
    raise InputError(f"idx:{folder} has no {names[0]}, also none that ends in .gz")
