"""Sets of pictures with their maps, by name."""

import functools
import operator
from typing import Protocol

import numpy as np

from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import check_is_text, local_path
from jaxrepro.core.files.strict_json import json_digest
from jaxrepro.data.sets.pictures import open_pictures
from jaxrepro.data.source import Item, Items
from jaxrepro.data.transforms import random_crop, resize, to_channels
from jaxrepro.papers.scfegan.faces.derived_maps import MapRecipe, derive_maps
from jaxrepro.papers.scfegan.faces.map_records import MapRecords, read_face_manifest

SPLITS = ("train", "held_out", "all")
_NUM_CROPS = {"train": 270, "held_out": 30}
_SMALLEST_CROP = 0.4
# Textures and pictures without colour show little of what a sketch or a colour does.
_WITHOUT_PARTS = ("brick", "grass", "gravel", "galaxies", "camera", "coins")


class Faces(Items, Protocol):
    """Pictures with maps, as `derived_maps.derive_maps` gives them.

    Attributes:
      names: of the pictures.
      size: their side in pixels.
      aligned: whether they are aligned faces.
      num_sketches: sketches of each picture.
    """

    names: tuple[str, ...]
    size: int
    aligned: bool
    num_sketches: int

    def read_image(self, index: int) -> np.ndarray:
        """Returns the picture alone, uint8 [S, S, 3]."""
        ...

    def identity(self) -> DataIdentity:
        """Returns what tells whether two are the same, wherever they lie."""
        ...


def open_faces(spec: str, *, split: str, size: int) -> Faces:
    """The pictures that `spec` names.

    Args:
      spec: `faces:DIR`, what `python -m jaxrepro.papers.scfegan.prepare` wrote; or
        `photo_crops`, squares of the photographs that come with the package's dependencies, which
        are no faces: for trying things out without any data.
      split: "train", "held_out", or "all" for both.
      size: side of the pictures in pixels.

    Raises:
      InputError: for another spec or split, prepared faces of another size, and sets that are
        missing or damaged.
    """
    if split not in SPLITS:
        raise InputError(f"there is no split {split!r}; allowed are {', '.join(SPLITS)}")
    kind, _, place = spec.partition(":")
    if spec == "photo_crops":
        return PhotoCrops(split, size)
    if kind == "faces" and place:
        return PreparedFaces(place, split, size)
    raise InputError(f"unknown pictures {spec!r}; allowed are faces:DIR and photo_crops")


def split_indices(count: int, *, split: str, held_out_every: int) -> np.ndarray:
    """Which of the pictures 0..count-1, in the order of their names, a split has, int [N].

    Every `held_out_every`-th picture from the first on is held out; none if that is 0.
    """
    indices = np.arange(count)
    if split == "all":
        return indices
    held_out = np.zeros(count, bool)
    if held_out_every:
        held_out[::held_out_every] = True
    return indices[held_out if split == "held_out" else ~held_out]


class PreparedFaces:
    """A set that `python -m jaxrepro.papers.scfegan.prepare` wrote; see `Faces`."""

    def __init__(self, directory: str, split: str, size: int):
        root = local_path(directory)
        check_is_text(root)
        manifest = read_face_manifest(root)
        settings = manifest.settings
        if settings["size"] != size:
            raise InputError(
                f"faces:{directory} were prepared with {settings['size']} pixels and {size} are "
                f"asked for; prepare them with --size={size} in another folder"
            )
        every = settings["held_out_every"]
        chosen = split_indices(len(manifest.pictures), split=split, held_out_every=every)
        if not len(chosen):
            raise InputError(
                f"faces:{directory} holds nothing in the split {split!r}: it has "
                f"{len(manifest.pictures)} pictures, prepared with --held_out_every={every}"
            )
        self.names = tuple(manifest.pictures[i][0] for i in chosen)
        self.size = size
        self.aligned = bool(settings["aligned"])
        self.num_sketches = int(settings["num_sketches"])
        self._keys = tuple(manifest.pictures[i][1] for i in chosen)
        self._records = MapRecords(root, manifest.shards)
        self._spec = f"faces:{directory}, {split}, {size}"

    def identity(self) -> DataIdentity:
        """Returns names and keys, each of which stands for a picture and how its maps were made."""
        digest = json_digest([self.size, self.aligned, self.names, self._keys])
        return DataIdentity(digest, len(self))

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: int) -> Item:
        return self._records.read(self._keys[_checked(index, self)], size=self.size)

    def read_image(self, index: int) -> np.ndarray:
        """Returns the picture alone, uint8 [S, S, 3]."""
        return self[index]["image"]

    def __repr__(self) -> str:
        return f"PreparedFaces({self._spec})"


class PhotoCrops:
    """Squares cut at random from bundled photographs, 270 to train and 30 held out; see `Faces`.

    They are no faces: networks trained on them show that training works and nothing about faces.
    Those for training show a dahlia, a pagoda, a retina, a rocket and a tissue (of `photos:train`),
    those held out an astronaut, a cat and a cup of coffee (of `photos:test`). Crop i of a split is
    always the same; its side is 0.4 to 1 times the shorter side of its photograph. The maps are
    derived when a crop is read.
    """

    aligned = False

    def __init__(self, split: str, size: int):
        self.size = size
        self._recipe = MapRecipe(size, aligned=False)
        self.num_sketches = self._recipe.num_sketches
        splits = ("train", "held_out") if split == "all" else (split,)
        self._crops = [(name, i) for name in splits for i in range(_NUM_CROPS[name])]
        self.names = tuple(f"{name} {_photograph(name, i)[0]} {i}" for name, i in self._crops)
        self._split = split

    def identity(self) -> DataIdentity:
        """Returns what the crops follow from: the photographs of the package are always there."""
        return DataIdentity(json_digest(repr(self)), len(self))

    def __len__(self) -> int:
        return len(self._crops)

    def __getitem__(self, index: int) -> Item:
        return derive_maps(self.read_image(index), None, self._recipe)

    def read_image(self, index: int) -> np.ndarray:
        """Returns the crop alone, uint8 [S, S, 3]: to derive its maps takes longer."""
        split, number = self._crops[_checked(index, self)]
        _, picture = _photograph(split, number)
        rng = np.random.default_rng([sorted(_NUM_CROPS).index(split), number])
        shorter = min(picture.shape[:2])
        side = max(1, round(shorter * rng.uniform(_SMALLEST_CROP, 1)))
        return resize(np.ascontiguousarray(random_crop(picture, side, rng)), self.size)

    def __repr__(self) -> str:
        return f"PhotoCrops({self._split}, {self.size})"


def _photograph(split: str, number: int) -> tuple[str, np.ndarray]:
    photographs = _photographs(split)
    return photographs[number % len(photographs)]


@functools.cache
def _photographs(split: str) -> list[tuple[str, np.ndarray]]:
    pictures = open_pictures("photos:train" if split == "train" else "photos:test")
    return [
        (name, to_channels(pictures.read(number), 3))
        for number, name in enumerate(pictures.names)
        if name not in _WITHOUT_PARTS
    ]


def _checked(index: int, items: Items) -> int:
    index = operator.index(index)
    if not 0 <= index < len(items):
        raise IndexError(f"picture {index} of {len(items)} in {items!r}")
    return index
