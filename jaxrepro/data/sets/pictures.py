"""Sets of whole pictures of any size, without classes."""

import dataclasses
import pathlib
import re

import numpy as np

from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path
from jaxrepro.core.run import notices
from jaxrepro.data.formats.images import SUFFIXES, decode_image
from jaxrepro.data.formats.other_files import OtherFiles, ending_of
from jaxrepro.data.sets.bundled import PHOTOS, package_file
from jaxrepro.data.sets.fingerprints import files_digest

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

    spec: what it was opened as. names: one a picture, without suffix. not_read: a line on what else
    lies in the folder, "" for nothing.
    """

    spec: str
    names: tuple[str, ...]
    paths: tuple[pathlib.Path, ...] = dataclasses.field(repr=False)
    not_read: str = dataclasses.field(default="", repr=False, kw_only=True)

    @property
    def label(self) -> str:
        """A short name of the set: "set5" for a folder Set5, "photos_test" for `photos:test`."""
        place = self.spec.removeprefix("folder:").rstrip("/")
        return re.sub(r"\W+", "_", place.rpartition("/")[2].lower())

    def identity(self) -> DataIdentity:
        """What tells whether two sets are the same: names, sizes and contents of the files."""
        files = zip(
            [f"{name}{path.suffix}" for name, path in zip(self.names, self.paths)], self.paths
        )
        return DataIdentity(files_digest(files), len(self))

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
    pictures that come with the package's dependencies; `photos:test`, 5 others. Other files in the
    folder are counted, told and kept as `not_read`.

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
    paths, others = [], OtherFiles()
    for path in sorted(folder.rglob("*")):
        if _hidden(path, folder) or not path.is_file():
            continue
        if ending_of(path) in SUFFIXES:
            paths.append(path)
        else:
            others.add(path)
    not_read = others.text(folder)
    if not paths:
        raise InputError(
            f"{spec}: no picture of the types {' '.join(SUFFIXES)} in {folder}"
            + (f"; {not_read}" if not_read else "")
        )
    notices.tell(not_read)
    names = tuple(path.relative_to(folder).with_suffix("").as_posix() for path in paths)
    return Pictures(f"folder:{folder.absolute()}", names, tuple(paths), not_read=not_read)


def _hidden(path: pathlib.Path, folder: pathlib.Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
