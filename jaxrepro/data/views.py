"""Sources made of another source: some of its images, or its images as training shows them."""

import hashlib
from collections.abc import Sequence

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.source import Source
from jaxrepro.data.transforms import Transform

# Images whose pixels are part of a fingerprint.
_NUM_PROBES = 16


class Subset(Source):
    """The images `indices` of `source`, in that order."""

    def __init__(self, source: Source, indices: Sequence[int] | np.ndarray):
        super().__init__(
            source.spec,
            split=source.split,
            channels=source.channels,
            class_names=source.class_names,
        )
        self._source = source
        self.indices = np.asarray(indices, np.int64)
        if not len(self.indices):
            raise InputError(f"a part of {source!r} without images was asked for; take one or more")

    @property
    def labels(self) -> np.ndarray:
        """Labels of the part, int32 [N]."""
        return self._source.labels[self.indices]

    def read_image(self, index: int) -> np.ndarray:
        """Image `index` of the part."""
        return self._source.read_image(int(self.indices[index]))

    def __repr__(self) -> str:
        digest = hashlib.sha256(self.indices.tobytes()).hexdigest()[:8]
        return f"Subset({self._source!r}, {len(self)} images, {digest})"


class AsTrained(Source):
    """The images of `source` after the whole training transform, one fixed draw an image.

    A random crop or flip belongs to the distribution that a model learns, so the images it is
    measured against have it too; the draw of image i depends on i alone.
    """

    def __init__(self, source: Source, transform: Transform):
        super().__init__(
            source.spec,
            split=source.split,
            channels=source.channels,
            class_names=source.class_names,
        )
        self._source = source
        self._transform = transform

    @property
    def labels(self) -> np.ndarray:
        """Labels of the source, int32 [N]."""
        return self._source.labels

    def read_image(self, index: int) -> np.ndarray:
        """Image `index` as a training batch holds it."""
        item = self._transform.prepare(self._source[index])
        if self._transform.augment is not None:
            item = self._transform.augment(item, np.random.default_rng((0, index)))
        return item["image"]

    def __repr__(self) -> str:
        return f"AsTrained({self._source!r}, {self._transform.description})"


def random_subset(source: Source, num_images: int, seed: int = 0) -> Source:
    """`num_images` images of `source` in random order; all of them where it has no more."""
    order = np.random.default_rng(seed).permutation(len(source))
    return Subset(source, order[:num_images])


def balanced_subset(source: Source, num_images: int) -> Source:
    """`num_images` images of `source`, of each class as many, or one more of the first classes.

    Within a class they are the first of a fixed permutation, so that a larger part contains a
    smaller one; no seed has a part in it. Raises InputError where a class has too few images.
    """
    labels = np.asarray(source.labels)
    share, rest = divmod(num_images, source.num_classes)
    order = np.random.default_rng(0).permutation(len(labels))
    chosen = []
    for label, name in enumerate(source.class_names):
        of_class = order[labels[order] == label]
        wanted = share + (label < rest)
        if len(of_class) < wanted:
            raise InputError(
                f"{num_images} images of {source!r} with as many of each class were asked for; "
                f"class {name!r} has {len(of_class)}, {wanted} are needed"
            )
        chosen.append(of_class[:wanted])
    return Subset(source, np.sort(np.concatenate(chosen)))


def the_rest(source: Source, part: Source) -> Source:
    """The images of `source` that are not in `part`, in their order.

    part: of `balanced_subset`. Raises InputError where it has all images.
    """
    taken = part.indices if isinstance(part, Subset) else np.arange(len(source))
    return Subset(source, np.setdiff1d(np.arange(len(source)), taken))


def content_fingerprint(source: Source) -> str:
    """A hash of what the source says about itself, its labels, and the pixels of a few images.

    Cheap for any size; it changes where images are added, removed, relabelled or reordered, and
    where the images between which it looks are replaced by others of another set.
    """
    sha = hashlib.sha256(f"{source.fingerprint()} {source.class_names}".encode())
    sha.update(np.ascontiguousarray(source.labels, "<i4").tobytes())
    for index in np.unique(np.linspace(0, len(source) - 1, _NUM_PROBES).astype(int)):
        image = source.read_image(int(index))
        sha.update(f"{index} {image.shape}".encode() + np.ascontiguousarray(image).tobytes())
    return sha.hexdigest()
