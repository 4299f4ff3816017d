"""The images that a config classifies: which, how large, how they are varied."""

import dataclasses
import functools
from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.task import HostBatch
from jaxrepro.data.memory import MemoryCache
from jaxrepro.data.pipeline import MEMORY_BYTES, eval_batches
from jaxrepro.data.source import Source
from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import BORDERS, Transform, shift_transform, square_transform
from jaxrepro.data.views import balanced_subset, the_rest

# The split of the training images that `data.num_train` leaves: to choose settings by.
REST = "rest"
# Mean and deviation of the colours in [0, 1], red first: of the training images of CIFAR-10, of
# those of MNIST, or those that bring any image to [-1, 1].
NORMALIZATIONS = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "mnist": ((0.1307,) * 3, (0.3081,) * 3),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


def network_input(images: jax.Array, normalization: str, dtype: str) -> jax.Array:
    """Returns uint8 images [B, H, W, 3] less a colour, divided by another, in that dtype.

    normalization: a key of NORMALIZATIONS.
    """
    mean, deviation = (jnp.array(x, jnp.float32) for x in NORMALIZATIONS[normalization])
    return ((images.astype(jnp.float32) / 255 - mean) / deviation).astype(dtype)


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images to train on and to measure, with the same classes.

    size: of the squares that they become. transform: what happens to those of training.
    """

    train: Source
    test: Source
    size: int
    transform: Transform

    @functools.cached_property
    def measured(self) -> MemoryCache:
        """The test images as the network sees them, decoded once."""
        return MemoryCache(self.test, self.transform.prepare, max_bytes=MEMORY_BYTES)

    def test_batches(self, batch_size: int) -> Callable[[int, int], Iterable[HostBatch]]:
        """Returns what yields a process's test images, uint8 [B, size, size, 3], with labels.

        They are whole and unmirrored: the `batches` of an `evaluators.Rows`.
        """
        return self._batches(self.measured, batch_size)

    def train_batches(self, batch_size: int) -> Callable[[int, int], Iterable[HostBatch]]:
        """Returns the same of the training images, each seen once and not varied."""
        items = MemoryCache(self.train, self.transform.prepare, max_bytes=MEMORY_BYTES)
        return self._batches(items, batch_size)

    def words(self, source: Source) -> str:
        """Returns what `test_batches` or `train_batches` shows of its source, for readers."""
        return f"{source.words}, {self.size} x {self.size} pixels; whole and not mirrored"

    @staticmethod
    def _batches(items: MemoryCache, batch_size: int) -> Callable[[int, int], Iterable[HostBatch]]:
        def batches(process: int, num_processes: int) -> Iterable[HostBatch]:
            return eval_batches(
                items,
                Transform(prepare=dict),
                batch_size,
                process=process,
                num_processes=num_processes,
            )

        return batches

    @classmethod
    def from_settings(cls, data: Settings) -> "LabelledImages":
        """Reads what the section `data` says of images.

        Raises InputError for sets that are not there, or of other or fewer than two classes.
        """
        source, measured = data.source, data.validation
        whole = train = open_source(source, split=data.split, channels=3)
        num_train = data.at_least("num_train", 0, default=0)
        if num_train:
            train = balanced_subset(whole, num_train)
        if data.validation_split == REST and not measured:
            test = the_rest(whole, train)
        else:
            test = open_source(measured or source, split=data.validation_split, channels=3)
        if train.num_classes < 2 or train.class_names != test.class_names:
            raise InputError(
                f"classes to learn from {train!r}: {_listed(train)}; to measure on {test!r}: "
                f"{_listed(test)}; give two or more, the same in both"
            )
        size = data.at_least("size", 8)
        pad = data.at_least("pad", 0)
        if pad >= size:
            raise InputError(f"data.pad is {pad}; with data.size={size} it must be below {size}")
        border = data.one_of("border", tuple(BORDERS))
        flip = data.one_of("flip", (False, True))
        if pad or flip:
            transform = shift_transform(size, channels=3, pad=pad, border=border, flip=flip)
        else:
            transform = square_transform(size, channels=3)
        return cls(train, test, size, transform)


def _listed(source: Source) -> str:
    names = source.class_names
    return ", ".join(names[:5]) + (f", ... ({len(names)})" if len(names) > 5 else "")
