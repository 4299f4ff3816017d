"""People in pictures: what every pose data set is read into."""

import copy
import dataclasses
import functools
import hashlib
import operator
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.images import decode_image, picture_sizes
from jaxrepro.data.pose.joint_sets import JointSet, convert_joints
from jaxrepro.data.sets.fingerprints import files_digest
from jaxrepro.data.source import Item

# In pixels: no picture is so large, and beyond it a number is damage.
_FARTHEST = 1e6
# A person of scale 1 is this high in pixels.
_PIXELS_PER_SCALE = 200
# People whose pictures are looked at when a set is opened.
_CHECKED = 100


@dataclasses.dataclass(frozen=True, eq=False)
class Person:
    """One person in one picture.

    Coordinates are continuous (x, y): the pixel in column i covers [i, i + 1), its centre is at
    i + 0.5.

    image: file of the picture, relative to the folder of the set.
    center, scale: middle of the person, [2], and its height in units of 200 pixels.
    joints: float64 [K, 2]; (0, 0) where not labelled.
    labelled: bool [K], the joint has a position. visible: bool [K], it is labelled and not hidden.
    head_size: 0.6 times the diagonal of the head's box in pixels, the unit of PCKh; NaN if unknown.
    image_number, person_number: what the data set calls picture and person; -1 if it does not.
    size: (width, height) of the picture in which it was annotated; None if that is not known.
    """

    image: str
    center: np.ndarray
    scale: float
    joints: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray
    head_size: float = float("nan")
    image_number: int = -1
    person_number: int = -1
    size: tuple[int, int] | None = None


class People:
    """Random access to the people of a set, each with its whole picture.

    Item i is {"image": uint8 [H, W, 3], "joints": float64 [K, 2], "labelled", "visible": bool [K],
    "center": float64 [2], "scale": float64, "index": int32}; see `Person`.

    Attributes:
      joint_set: which joints, in which order.
      persons: the records.
      file_offset: coordinates in the set's own files are those of the records plus this: 0.5 where
        its first pixel is 1, -0.5 where it is 0.
      notes: sentences for whoever uses the set, such as who was left out.
    """

    def __init__(
        self,
        spec: str,
        joint_set: JointSet,
        persons: Sequence[Person],
        *,
        folder: pathlib.Path | None = None,
        file_offset: float = 0.0,
        notes: Sequence[str] = (),
    ):
        """Raises InputError if there is nobody, or a place or size that cannot be."""
        if not persons:
            raise InputError(f"{spec} holds no person with a place and a size; give another file")
        for number, person in enumerate(persons, 1):
            _check(spec, number, person)
        self.spec = spec
        self.joint_set = joint_set
        self.persons = tuple(persons)
        self.folder = folder
        self.file_offset = file_offset
        self.notes = tuple(notes)

    def __len__(self) -> int:
        return len(self.persons)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({self.spec!r}, {len(self)} people, joints of {self.joint_set.name})"

    def __getitem__(self, index: int) -> Item:
        index = operator.index(index)
        if not 0 <= index < len(self):
            raise IndexError(f"person {index} of {len(self)} in {self!r}")
        person = self.persons[index]
        return {
            "image": self.read_image(index),
            "joints": person.joints,
            "labelled": person.labelled,
            "visible": person.visible,
            "center": person.center,
            "scale": np.float64(person.scale),
            "index": np.int32(index),
        }

    def read_image(self, index: int) -> np.ndarray:
        """Returns the whole picture of person `index`, uint8 [H, W, 3].

        Upright, or as it is stored where the person was annotated so: where the size that the
        annotations give is that of the stored picture only. Raises InputError naming a file that is
        missing or damaged, is of neither size, or does not show the place of the person.
        """
        person, path = self.persons[index], self.path(index)
        image = decode_image(path, channels=3, name=str(path))
        if person.size is not None and image.shape[1::-1] != person.size:
            upright, image = image, decode_image(path, channels=3, name=str(path), upright=False)
            if image.shape[1::-1] != person.size:
                raise self._other_size(index, upright.shape[1::-1])
        self.check_place(index, image.shape[1], image.shape[0])
        return image

    def check_place(self, index: int, width: int, height: int) -> None:
        """Raises InputError if person `index` is nowhere in its picture, of that size."""
        person = self.persons[index]
        half = _PIXELS_PER_SCALE / 2 * person.scale
        if (person.center + half <= 0).any() or (person.center - half >= (width, height)).any():
            raise InputError(
                f"{self.spec}: person {index + 1} lies outside {self.path(index)}, which is "
                f"{width} x {height}: its middle is {person.center[0]:g}, {person.center[1]:g} and "
                f"its size {2 * half:g}; correct or remove that entry"
            )

    def path(self, index: int) -> pathlib.Path:
        """Returns the file of the picture of person `index`."""
        return (self.folder or pathlib.Path()) / self.persons[index].image

    def check_sizes(self) -> None:
        """Raises InputError if a picture has not the size in which it was annotated.

        Of 100 people at most, evenly spaced, whose pictures' heads alone are read where possible:
        whoever resized some resized all. `read_image` checks every one.
        """
        last = len(self) - 1
        for index in sorted({last * i // (_CHECKED - 1) for i in range(_CHECKED)}):
            size = self.persons[index].size
            if size is not None and size not in (found := picture_sizes(self.path(index))):
                raise self._other_size(index, found[1])

    def _other_size(self, index: int, found: tuple[int, ...]) -> InputError:
        noted = self.persons[index].size
        assert noted is not None
        return InputError(
            f"{self.path(index)} is {found[0]} x {found[1]} pixels, and {self.spec} was annotated "
            f"in one of {noted[0]} x {noted[1]}: give the picture that was annotated, or correct "
            "the coordinates and the size"
        )

    def identity(self) -> DataIdentity:
        """What tells whether two sets are the same: annotations, joints in order, and pictures."""
        sha = hashlib.sha256()
        rows = [(_relative(p.image), p.image_number, p.person_number, p.size) for p in self.persons]
        sha.update(repr(rows).encode())
        for array in (self.joints, self.labelled, self.visible, self.centers, self.scales):
            sha.update(np.ascontiguousarray(array).tobytes())
        sha.update(np.nan_to_num(self.head_sizes, nan=-1.0).tobytes())
        sha.update(self._pictures_digest().encode())
        return DataIdentity(
            sha.hexdigest(), len(self), self.joint_set.joints, "joints", notes=self.notes
        )

    def _pictures_digest(self) -> str:
        numbers = {person.image: index for index, person in enumerate(self.persons)}
        return files_digest((_relative(name), self.path(i)) for name, i in numbers.items())

    @functools.cached_property
    def joints(self) -> np.ndarray:
        """All joints, float64 [N, K, 2]."""
        return np.stack([person.joints for person in self.persons])

    @functools.cached_property
    def labelled(self) -> np.ndarray:
        """Which joints have a position, bool [N, K]."""
        return np.stack([person.labelled for person in self.persons])

    @functools.cached_property
    def visible(self) -> np.ndarray:
        """Which joints are labelled and not hidden, bool [N, K]."""
        return np.stack([person.visible for person in self.persons])

    @functools.cached_property
    def centers(self) -> np.ndarray:
        """Middles of the people, float64 [N, 2]."""
        return np.stack([person.center for person in self.persons])

    @functools.cached_property
    def scales(self) -> np.ndarray:
        """Heights of the people in units of 200 pixels, float64 [N]."""
        return np.array([person.scale for person in self.persons])

    @functools.cached_property
    def head_sizes(self) -> np.ndarray:
        """Units of PCKh in pixels, float64 [N]; NaN where unknown."""
        return np.array([person.head_size for person in self.persons])

    @functools.cached_property
    def torso_sizes(self) -> np.ndarray:
        """Distances in pixels from left shoulder to right hip, the unit of PCK, float64 [N].

        NaN where one of the two is not labelled, or where they are in one place.
        """
        pair = [self.joint_set.index(joint) for joint in ("left_shoulder", "right_hip")]
        ends = self.joints[:, pair]
        sizes = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1)
        return np.where(self.labelled[:, pair].all(axis=1) & (sizes > 0), sizes, np.nan)

    def select(self, indices: Iterable[int], spec: str) -> "People":
        """Returns the people with these numbers, as a set of the name `spec`."""
        return self._with(spec, self.joint_set, [self.persons[i] for i in indices])

    def in_order_of(self, joint_set: JointSet) -> "People":
        """Returns the same people with the joints of another set; see `convert_joints`."""
        if joint_set == self.joint_set:
            return self
        persons = []
        for person in self.persons:
            joints, labelled, visible = convert_joints(
                person.joints, person.labelled, person.visible, self.joint_set, joint_set
            )
            persons.append(
                dataclasses.replace(
                    person,
                    joints=np.where(labelled[:, None], joints, 0.0),
                    labelled=labelled,
                    visible=visible,
                )
            )
        return self._with(self.spec, joint_set, persons)

    def with_pairs(self, pairs: Sequence[str]) -> "People":
        """Returns the same people with other pairs of joints, see `JointSet.with_pairs`."""
        changed = copy.copy(self)
        changed.joint_set = self.joint_set.with_pairs(pairs)
        return changed

    def _with(self, spec: str, joint_set: JointSet, persons: Sequence[Person]) -> "People":
        return People(
            spec,
            joint_set,
            persons,
            folder=self.folder,
            file_offset=self.file_offset,
            notes=self.notes,
        )


def _relative(name: str) -> str:
    """Returns a name of a picture as it is wherever the set lies."""
    path = pathlib.PurePosixPath(name)
    return path.name if path.is_absolute() else name


def recorded_size(row: Mapping[str, Any], width: str, height: str) -> tuple[int, int] | None:
    """Returns the (width, height) that an entry of annotations gives its picture under two keys.

    None where it gives none, or zeros. Raises ValueError if they are no whole numbers.
    """
    sizes: list[Any] = [row.get(width), row.get(height)]
    if not any(sizes):
        return None
    if not all(isinstance(x, int | float) and x > 0 and x == int(x) for x in sizes):
        raise ValueError(f"{width} {sizes[0]!r} and {height} {sizes[1]!r} are no size of a picture")
    return int(sizes[0]), int(sizes[1])


def joint_box(joints: np.ndarray, labelled: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns (middle [2], longer side in pixels) of the box around the labelled joints.

    Raises InputError if none is labelled.
    """
    if not labelled.any():
        raise InputError("a person without any labelled joint has no place; leave it out")
    low, high = joints[labelled].min(axis=0), joints[labelled].max(axis=0)
    return (low + high) / 2, float((high - low).max())


def _check(spec: str, number: int, person: Person) -> None:
    place = np.append(person.center, person.scale)
    if place.shape != (3,) or not (np.abs(place) < _FARTHEST).all() or person.scale <= 0:
        raise InputError(
            f"{spec}: person {number}, in {person.image}, has center {np.ravel(person.center)} and "
            f"scale {person.scale}; a place is two numbers and a size is greater than 0: correct "
            "or remove that entry"
        )
    if not (np.abs(person.joints) < _FARTHEST).all():
        raise InputError(
            f"{spec}: person {number}, in {person.image}, has a joint that is not within "
            f"{_FARTHEST:g} pixels; correct or remove that entry"
        )
