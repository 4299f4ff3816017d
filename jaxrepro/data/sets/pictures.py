"""Sets of whole pictures of any size, without classes."""

import dataclasses
import pathlib
import re

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path
from jaxrepro.data.formats.images import SUFFIXES, decode_image
from jaxrepro.data.sets.bundled import PHOTOS, package_file

# Free pictures that come with scikit-image and scikit-learn: public domain, CC0 or, for the last
# two, CC BY 2.0 (dahlia by vultilion, pagoda by danielbuechele).
_TRAIN = (
    ("brick", "skimage", "scikit-image", "data/brick.png"),
    ("grass", "skimage", "scikit-image", "data/grass.png"),
    ("gravel", "skimage", "scikit-image", "data/gravel.png"),
    *(photo for photo in PHOTOS if photo[0] in ("galaxies", "retina", "rocket", "tissue")),
    *(photo for photo in PHOTOS if photo[0] in ("dahlia", "pagoda")),
)
_TEST = (
    *(photo for photo in PHOTOS if photo[0] in ("astronaut", "cat", "coffee")),
    ("camera", "skimage", "scikit-image", "data/camera.png"),
    ("coins", "skimage", "scikit-image", "data/coins.png"),
)
_BUNDLED = {"photos:train": _TRAIN, "photos:test": _TEST}


@dataclasses.dataclass(frozen=True)
class Pictures:
    """A set of pictures, in the order of their names.

    spec: what it was opened as. names: one a picture, without suffix.
    """

    spec: str
    names: tuple[str, ...]
    paths: tuple[pathlib.Path, ...] = dataclasses.field(repr=False)

    @property
    def label(self) -> str:
        """A short name of the set: "set5" for a folder Set5, "photos_test" for `photos:test`."""
        place = self.spec.removeprefix("folder:").rstrip("/")
        return re.sub(r"\W+", "_", place.rpartition("/")[2].lower())

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> np.ndarray:
        """Returns picture `index`, uint8 [H, W, 3], or [H, W, 1] if the file is grey.

        Raises InputError naming a file that cannot be read.
        """
        path = self.paths[index]
        return decode_image(path, channels=None, name=str(path))


def open_pictures(spec: str) -> Pictures:
    """Returns the pictures that `spec` names.

    spec: `folder:DIR`, all pictures in a folder or in folders below it; `photos:train`, 9 free
    pictures that come with the package's dependencies; `photos:test`, 5 others.

    Raises InputError for another spec, or a folder that is not there or holds no picture.
    """
    kind, _, place = spec.partition(":")
    if spec in _BUNDLED:
        chosen = _BUNDLED[spec]
        names = tuple(name for name, *_ in chosen)
        return Pictures(spec, names, tuple(package_file(*where) for _, *where in chosen))
    if kind != "folder" or not place:
        raise InputError(
            f"unknown pictures {spec!r}; allowed are folder:DIR, {', '.join(_BUNDLED)}"
        )
    folder = local_path(place)
    if not folder.is_dir():
        raise InputError(f"{spec}: {folder} is not a folder; give one that holds pictures")
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file() and not _hidden(path, folder)
    )
    if not paths:
        raise InputError(f"{spec}: no picture of the types {' '.join(SUFFIXES)} in {folder}")
    names = tuple(path.relative_to(folder).with_suffix("").as_posix() for path in paths)
    return Pictures(f"folder:{folder.absolute()}", names, tuple(paths))


def _hidden(path: pathlib.Path, folder: pathlib.Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
