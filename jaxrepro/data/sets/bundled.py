"""Real images that come with scikit-learn and scikit-image: nothing is downloaded."""

import importlib.metadata
import importlib.util
import pathlib
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.images import decode_image
from jaxrepro.data.source import Source

CROPS_PER_PHOTO = 100
# (class, package, distribution, file inside the package)
PHOTOS = (
    ("astronaut", "skimage", "scikit-image", "data/astronaut.png"),
    ("cat", "skimage", "scikit-image", "data/chelsea.png"),
    ("coffee", "skimage", "scikit-image", "data/coffee.png"),
    ("dahlia", "sklearn", "scikit-learn", "datasets/images/flower.jpg"),
    ("galaxies", "skimage", "scikit-image", "data/hubble_deep_field.jpg"),
    ("motorcycle", "skimage", "scikit-image", "data/motorcycle_left.png"),
    ("pagoda", "sklearn", "scikit-learn", "datasets/images/china.jpg"),
    ("retina", "skimage", "scikit-image", "data/retina.jpg"),
    ("rocket", "skimage", "scikit-image", "data/rocket.jpg"),
    ("tissue", "skimage", "scikit-image", "data/ihc.png"),
)


class DigitsSource(Source):
    """The 1,797 handwritten digits of scikit-learn (UCI ML hand-written digits), 8x8 grey, ten
    classes.

    An image is uint8 [8, 8, channels]: the stored value v in 0..16 becomes v * 255 / 16, rounded,
    and is repeated over the channels. Splits: "all", and "train" (1,437) and "test" (360) by
    `train_test_split(indices, test_size=0.2, stratify=labels, random_state=0)`, each in ascending
    order of the index in "all".
    """

    def __init__(self, *, split: str = "train", channels: int = 1):
        super().__init__("digits", split=split, channels=channels, class_names=tuple("0123456789"))
        images, labels = _load_digits(split)
        self._images = np.repeat(images[..., None], channels, axis=-1)
        self._labels = labels

    @property
    def labels(self) -> np.ndarray:
        """Digits shown, int32 [N]."""
        return self._labels

    def read_image(self, index: int) -> np.ndarray:
        """Digit `index`, uint8 [8, 8, channels]."""
        return self._images[index]


class PhotosSource(Source):
    """Ten real colour photographs, each of them a class; item i is the whole photograph i mod 10.

    From scikit-image: astronaut (512x512), chelsea the cat (300x451), coffee (400x600), the Hubble
    deep field (872x1000), the left motorcycle of a Middlebury stereo pair (500x741; the right one
    shows the same scene), a retina (1411x1411), a rocket on its pad (427x640) and a stained tissue
    under the microscope (512x512). From scikit-learn: china, which shows a pagoda (427x640), and
    flower, a dahlia (427x640). The sizes differ, so a transform has to crop; an epoch holds
    `CROPS_PER_PHOTO` items of each photograph. The only split is "train".
    """

    def __init__(self, *, split: str = "train", channels: int = 3):
        if split != "train":
            raise InputError(f"photos has no split {split!r}; its only split is 'train'")
        names = tuple(name for name, *_ in PHOTOS)
        super().__init__("photos", split=split, channels=channels, class_names=names)
        self._photos = [
            decode_image(package_file(*where), channels=channels, name=f"photos, {name}")
            for name, *where in PHOTOS
        ]

    @property
    def labels(self) -> np.ndarray:
        """Number of the photograph, int32 [N]."""
        return np.arange(CROPS_PER_PHOTO * len(PHOTOS), dtype=np.int32) % len(PHOTOS)

    def __len__(self) -> int:
        return CROPS_PER_PHOTO * len(PHOTOS)

    def read_image(self, index: int) -> np.ndarray:
        """The whole photograph that item `index` shows, uint8 [H, W, channels]."""
        return self._photos[index % len(PHOTOS)]


def _load_digits(split: str) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits: Any = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    labels = digits.target.astype(np.int32)
    if split == "all":
        return images, labels
    train, test = train_test_split(
        np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0
    )
    chosen = {"train": np.sort(train), "test": np.sort(test)}.get(split)
    if chosen is None:
        raise InputError(f"digits has no split {split!r}; its splits are train, test and all")
    return images[chosen], labels[chosen]


def package_file(package: str, distribution: str, file: str) -> pathlib.Path:
    """Returns the path of a picture that comes with a package; InputError if it is not there."""
    # find_spec does not import the package: scikit-image alone takes a second.
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise InputError(f"photos needs the package {distribution}; install it with pip")
    path = pathlib.Path(spec.origin).parent / file
    if not path.is_file():
        version = importlib.metadata.version(distribution)
        raise InputError(
            f"photos: {distribution} {version} does not hold {package}/{file}; install a version "
            "that does, such as scikit-image 0.26 and scikit-learn 1.9"
        )
    return path
