"""A pose network in Python: what `jaxrepro.load` returns for one, whichever paper trained it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.plain_arrays import checked_picture
from jaxrepro.tasks.pose.inference.person_boxes import checked_box, given_person, whole_picture
from jaxrepro.tasks.pose.inference.searches import JointFinder, Search
from jaxrepro.tasks.pose.inference.trained_pose import TrainedPose


class Joints(NamedTuple):
    """The joints of one person.

    names: by joint. points: float64 [J, 2], x and y in pixels (the first covers 0 to 1); NaN where
    the network sees none. confidences: float64 [J], the highest value of each joint's map.
    """

    names: tuple[str, ...]
    points: np.ndarray
    confidences: np.ndarray


class PoseFinder:
    """Finds the joints of one person in a picture.

    Attributes: joints, their names; origin, where the network is from; trained, the network with
    its variables.
    """

    def __init__(self, trained: TrainedPose):
        self.trained = trained
        self.origin = trained.origin
        self.joints = trained.joint_set.joints
        self._finders: dict[bool, JointFinder] = {}

    def find_joints(
        self, image: Any, box: Sequence[float] | None = None, *, flip: bool = False
    ) -> Joints:
        """Returns the joints of the person in the box.

        image: uint8 [H, W, 3], RGB. box: x, y, width and height in pixels; the whole picture by
        default. flip: whether the maps of the mirrored picture are averaged in. Raises InputError
        for an image of another type or shape, and for a box outside of it.
        """
        picture = checked_picture(image)
        height, width = picture.shape[:2]
        if box is None:
            person = whole_picture(width, height)
        else:
            try:
                checked = checked_box(list(box))
            except (ValueError, TypeError) as error:
                raise InputError(f"box={box!r}; give x, y, width and height in pixels") from error
            person = given_person(checked, width, height, self.trained.padding_for(""))
        if flip not in self._finders:
            self._finders[flip] = JointFinder(
                self.trained.predictor(flip=flip),
                self.trained.variables,
                self.trained.size,
                Search(flip),
            )
        found = self._finders[flip](picture, person.center, person.scale)
        return Joints(self.joints, found.points, found.confidences)
