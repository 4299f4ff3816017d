"""Folders of image files, one folder a class."""

import hashlib
import os
import pathlib

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path
from jaxrepro.core.run import notices
from jaxrepro.data.formats.images import SUFFIXES, decode_image
from jaxrepro.data.formats.other_files import OtherFiles, ending_of
from jaxrepro.data.sets.class_names import order_note
from jaxrepro.data.sets.fingerprints import files_digest
from jaxrepro.data.source import Source


class FolderSource(Source):
    """Images of `directory/<class>/<file>`; classes and files are sorted by name.

    If `directory/<split>` exists and itself holds class folders, that is what is read. Otherwise
    `directory` holds the classes, and the only splits are "train" and "all", both everything.
    Hidden entries are passed over. Other files, folders inside class folders and images beside
    them are counted, told and kept as `not_read`.
    """

    def __init__(self, directory: str, *, split: str = "train", channels: int = 3):
        folder = local_path(directory).absolute()
        self.root = _split_root(folder, split)
        files_of_class, self.not_read = _scan(self.root)
        notices.tell(self.not_read)
        if note := order_note(tuple(files_of_class)):
            notices.tell(f"{self.root}: {note}")
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

    def content_digest(self) -> str:
        """A hash of the names, sizes and contents of the files, see `files_digest`."""
        return files_digest((file, self.root / file) for file in self.files)

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


def _entries(directory: pathlib.Path, others: OtherFiles) -> tuple[list[str], list[str]]:
    """Returns the image files and the folders in a folder, sorted; counts other files."""
    images, folders = [], []
    with os.scandir(directory) as entries:
        for entry in entries:
            path = pathlib.PurePath(entry.name)
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                folders.append(entry.name)
            elif not entry.is_file():
                continue
            elif ending_of(path) in SUFFIXES:
                images.append(entry.name)
            else:
                others.add(path)
    return sorted(images), sorted(folders)


def _holds_images(directory: pathlib.Path) -> bool:
    """Returns whether there is an image in a folder or below it."""
    for _, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if not name.startswith(".")]
        shown = (pathlib.PurePath(name) for name in names if not name.startswith("."))
        if any(ending_of(path) in SUFFIXES for path in shown):
            return True
    return False


def _scan(root: pathlib.Path) -> tuple[dict[str, list[str]], str]:
    """Returns the sorted image files of every class folder, and a line on what is not read.

    Raises InputError that says how to repair a folder of another form.
    """
    others = OtherFiles()
    beside, classes = _entries(root, others)
    if not classes:
        if beside:
            raise InputError(
                f"images lie directly in {root}, so there are no classes; give its parent folder "
                f"(folder:{root.parent}), or move the images to {root}/<class>/"
            )
        raise InputError(f"{root} holds neither class folders nor images")
    for name in beside:
        others.add_beside(name)
    files_of_class, folders_of_class = {}, {}
    for name in classes:
        files_of_class[name], folders_of_class[name] = _entries(root / name, others)
    empty = [name for name, files in files_of_class.items() if not files]
    for name in sorted(set(classes) - set(empty)):
        if deeper := [f for f in folders_of_class[name] if _holds_images(root / name / f)]:
            raise InputError(
                f"class folder {root / name} holds images (such as {files_of_class[name][0]}) and "
                f"folders of images ({', '.join(deeper[:5])}): give folder:{root / name} if these "
                "are the classes, else move their images up or take them away"
            )
        for _ in folders_of_class[name]:
            others.add_folder()
    not_read = others.text(root)
    nested = [name for name in empty if folders_of_class[name]]
    if nested:
        raise InputError(
            f"wrong folder level: {root / nested[0]} holds folders instead of images; give the "
            f"folder that holds the classes (folder:{root / nested[0]}?)"
        )
    if empty:
        raise InputError(
            f"empty class folder: {', '.join(empty[:5])} of {root} (no image of the types "
            f"{' '.join(SUFFIXES)}; {len(empty)} such folders); fill or remove it"
            + (f"; {not_read}" if not_read else "")
        )
    return files_of_class, not_read
