"""The interface between stored examples and everything that reads them."""

import abc
import hashlib
import operator
from typing import Any, Protocol

import numpy as np

from jaxrepro.core.data_identity import DataIdentity

# Examples that are part of a digest.
_NUM_PROBES = 16
# One example: arrays or numbers by name. A Source of pictures gives {"image": uint8 [H, W, C],
# "label": int32 scalar}.
Item = dict[str, Any]


class Items(Protocol):
    """Random access to examples of any kind; its `repr` is the same in every process."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Item: ...


class Source(abc.ABC):
    """Random access to labelled images.

    Attributes: spec, split, channels and class_names, as they were opened; not_read, a line on what
    lies where the images are and is not read, "" for nothing.

    A source can be pickled, because worker processes receive a copy of it, and its `repr` is the
    same in every process. Readers keep no open file across a pickle.
    """

    not_read = ""

    def __init__(self, spec: str, *, split: str, channels: int, class_names: tuple[str, ...]):
        self.spec = spec
        self.split = split
        self.channels = channels
        self.class_names = class_names

    @property
    def num_classes(self) -> int:
        """Number of classes; labels lie in [0, num_classes)."""
        return len(self.class_names)

    @property
    @abc.abstractmethod
    def labels(self) -> np.ndarray:
        """Labels of all images without decoding them, int32 [N]."""

    @abc.abstractmethod
    def read_image(self, index: int) -> np.ndarray:
        """Image `index` (0 <= index < N) as uint8 [H, W, C]; InputError if it is damaged."""

    def example(self) -> Item:
        """Returns one example, for its names, dtypes and kinds of values: the first."""
        return self[0]

    def content_digest(self) -> str:
        """A hash of the content that does not depend on where it lies; cheap for any size.

        By default of the number of images and of 16 of them with their labels, evenly spaced. A
        source whose files can be told apart without decoding any overrides it.
        """
        return probed_digest(self)

    def identity(self) -> DataIdentity:
        """What tells whether two sources are the same: content, and classes in their order."""
        return DataIdentity(self.content_digest(), len(self), self.class_names)

    def fingerprint(self) -> str:
        """A hash that changes when the source is seen to hold other images."""
        return hashlib.sha256(f"{self!r} {len(self)}".encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def words(self) -> str:
        """How many images of what, for readers: "10,000 images of tfds:cifar10, split test"."""
        return f"{len(self):,} images of {self.spec}, split {self.split}"

    def __getitem__(self, index: int) -> Item:
        index = operator.index(index)
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)} in {self!r}")
        return {"image": self.read_image(index), "label": np.int32(self.labels[index])}

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({self.spec!r}, split={self.split!r}, channels={self.channels})"


def probed_digest(items: Items) -> str:
    """A hash of the number of examples, and of 16 of them, evenly spaced."""
    last = len(items) - 1
    sha = hashlib.sha256(f"{last + 1}".encode())
    for index in sorted({last * i // (_NUM_PROBES - 1) for i in range(_NUM_PROBES)}):
        for name, value in sorted(items[index].items()):
            array = np.ascontiguousarray(value)
            # The bytes of an array of objects are addresses.
            content = repr(value).encode() if array.dtype == object else array.tobytes()
            sha.update(f"{index} {name} {array.dtype} {array.shape}".encode() + content)
    return sha.hexdigest()


def identity_of(items: Items) -> DataIdentity:
    """What tells whether examples of any kind are the same: their own `identity`, or a few."""
    if not hasattr(items, "identity"):
        return DataIdentity(probed_digest(items), len(items))
    own: Any = items
    return own.identity()
