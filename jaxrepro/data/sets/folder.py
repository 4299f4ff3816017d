"""Folders of image files, one folder a class."""

import hashlib
import pathlib

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path
from jaxrepro.data.formats.images import SUFFIXES, decode_image
from jaxrepro.data.source import Source


class FolderSource(Source):
    """Images of `directory/<class>/<file>`; classes and files are sorted by name.

    If `directory/<split>` exists and itself holds class folders, that is what is read. Otherwise
    `directory` holds the classes, and the only splits are "train" and "all", both everything.
    Hidden entries and files that are not images (by suffix) are passed over.
    """

    def __init__(self, directory: str, *, split: str = "train", channels: int = 3):
        folder = local_path(directory).absolute()
        self.root = _split_root(folder, split)
        files_of_class = _scan(self.root)
        super().__init__(
            f"folder:{folder}", split=split, channels=channels, class_names=tuple(files_of_class)
        )
        self.files = [f"{name}/{file}" for name, files in files_of_class.items() for file in files]
        counts = [len(files) for files in files_of_class.values()]
        self._labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    @property
    def labels(self) -> np.ndarray:
        """Index of the class folder, int32 [N]."""
        return self._labels

    def fingerprint(self) -> str:
        """A hash of the names and sizes of all files."""
        digest = hashlib.sha256()
        for file in self.files:
            entry = f"{file}\0{(self.root / file).stat().st_size}\0"
            # Names of old archives are not always UTF-8.
            digest.update(entry.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def read_image(self, index: int) -> np.ndarray:
        """File `index` decoded, uint8 [H, W, channels]; InputError names a file it cannot read."""
        path = self.root / self.files[index]
        return decode_image(path, channels=self.channels, name=str(path))


def _split_root(directory: pathlib.Path, split: str) -> pathlib.Path:
    if not directory.is_dir():
        raise InputError(
            f"folder:{directory} is not a folder; give the folder that holds one folder a class"
        )
    if split not in ("", ".", "..") and "/" not in split:
        root = directory / split
        if root.is_dir() and _subfolders(root):
            return root
    if split in ("train", "all"):
        return directory
    raise InputError(
        f"folder:{directory} has no split {split!r}: there is no {directory / split} with class "
        "folders in it; allowed are 'all' and the names of such folders"
    )


def _subfolders(directory: pathlib.Path) -> list[str]:
    entries = sorted(entry.name for entry in directory.iterdir() if entry.is_dir())
    return [name for name in entries if not name.startswith(".")]


def _image_files(directory: pathlib.Path) -> list[str]:
    return sorted(
        entry.name
        for entry in directory.iterdir()
        if entry.suffix.lower() in SUFFIXES and not entry.name.startswith(".") and entry.is_file()
    )


def _scan(root: pathlib.Path) -> dict[str, list[str]]:
    """Sorted image files of every class folder, or an InputError that says how to repair it."""
    classes = _subfolders(root)
    if not classes:
        if _image_files(root):
            raise InputError(
                f"images lie directly in {root}, so there are no classes; give its parent folder "
                f"(folder:{root.parent}), or move the images to {root}/<class>/"
            )
        raise InputError(f"{root} holds neither class folders nor images")
    files_of_class = {name: _image_files(root / name) for name in classes}
    empty = [name for name, files in files_of_class.items() if not files]
    nested = [name for name in empty if _subfolders(root / name)]
    if nested:
        raise InputError(
            f"wrong folder level: {root / nested[0]} holds folders instead of images; give the "
            f"folder that holds the classes (folder:{root / nested[0]}?)"
        )
    if empty:
        raise InputError(
            f"empty class folder: {', '.join(empty[:5])} of {root} (no image of the types "
            f"{' '.join(SUFFIXES)}; {len(empty)} such folders); fill or remove it"
        )
    return files_of_class
