"""People in pictures: what every pose data set is read into."""

import dataclasses
import functools
import operator
import pathlib
from collections.abc import Iterable, Sequence

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.images import decode_image
from jaxrepro.data.pose.joint_sets import JointSet, convert_joints
from jaxrepro.data.source import Item

# In pixels: no picture is so large, and beyond it a number is damage.
_FARTHEST = 1e6


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


class People:
    """Random access to the people of a set, each with its whole picture.

    Item i is {"image": uint8 [H, W, 3], "joints": float64 [K, 2], "labelled", "visible": bool [K],
    "center": float64 [2], "scale": float64, "index": int32}; see `Person`.

    Attributes:
      joint_set: which joints, in which order.
      persons: the records.
      file_offset: coordinates in the set's own files are those of the records plus this: 0.5 where
        its first pixel is 1, -0.5 where it is 0.
    """

    def __init__(
        self,
        spec: str,
        joint_set: JointSet,
        persons: Sequence[Person],
        *,
        folder: pathlib.Path | None = None,
        file_offset: float = 0.0,
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

        Raises InputError naming a file that is missing or damaged.
        """
        path = (self.folder or pathlib.Path()) / self.persons[index].image
        return decode_image(path, channels=3, name=str(path))

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

    def _with(self, spec: str, joint_set: JointSet, persons: Sequence[Person]) -> "People":
        return People(spec, joint_set, persons, folder=self.folder, file_offset=self.file_offset)


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
