"""Random variations of people for training."""

import dataclasses
import functools
from typing import Literal

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.joint_sets import JointSet
from jaxrepro.data.pose.pose_crop import Padding, cropped
from jaxrepro.data.source import Item
from jaxrepro.data.transforms import Transform


@dataclasses.dataclass(frozen=True)
class PoseAugmentation:
    """How a crop is varied. With N a standard normal and U a uniform number:

    zoom_kind: the square is widened by "power": 2 ** clip(zoom N, -2 zoom, 2 zoom); "normal":
      clip(1 + zoom N, 1 - zoom, 1 + zoom); "uniform": U(1 - zoom, 1 + zoom).
    rotation_kind: with `rotation_probability`, the picture is turned by "normal":
      clip(rotation N, -2 rotation, 2 rotation) degrees; "uniform": U(-rotation, rotation).
    flip_probability: of a mirrored picture.
    color: each channel is multiplied by its own U(1 - color, 1 + color) and clipped.
    """

    zoom_kind: Literal["power", "normal", "uniform"] = "normal"
    zoom: float = 0.25
    rotation_kind: Literal["normal", "uniform"] = "normal"
    rotation: float = 30.0
    rotation_probability: float = 0.4
    flip_probability: float = 0.5
    color: float = 0.2

    def __post_init__(self):
        """Raises InputError for an unknown kind or a number out of its range."""
        if self.zoom_kind not in ("power", "normal", "uniform"):
            raise InputError(f"zoom {self.zoom_kind!r}; allowed are power, normal, uniform")
        if self.rotation_kind not in ("normal", "uniform"):
            raise InputError(f"rotation {self.rotation_kind!r}; allowed are normal, uniform")
        if not 0 <= self.zoom < 1 or not 0 <= self.color <= 1 or self.rotation < 0:
            raise InputError(
                f"zoom={self.zoom}, color={self.color} and rotation={self.rotation} given; they "
                "must lie in [0, 1), [0, 1] and [0, infinity)"
            )
        for name in ("rotation_probability", "flip_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name)} given; it must lie in [0, 1]")


# As in published code. The last one's jitter in hue and brightness is left out.
AUGMENTATIONS = {
    "none": PoseAugmentation("normal", 0, "normal", 0, 0, 0, 0),
    "hourglass": PoseAugmentation("power", 0.25, "normal", 30, 0.4, 0.5, 0.4),
    "pyranet": PoseAugmentation("normal", 0.25, "normal", 30, 0.4, 0.5, 0.2),
    "pytorch_pose": PoseAugmentation("normal", 0.25, "normal", 30, 0.6, 0.5, 0.2),
    "princeton": PoseAugmentation("uniform", 0.25, "uniform", 30, 1, 0.5, 0),
}


def augmented_crop_transform(
    size: int, padding: Padding, augmentation: PoseAugmentation, joint_set: JointSet
) -> Transform:
    """Returns the transform of training: a randomly varied crop of each person.

    Items are those of `pose_crop.cropped`. The person is cut out of the whole picture in one
    interpolation, so that nothing but the edge of the picture is black.
    """
    return Transform(
        prepare=_keep,
        augment=functools.partial(
            _augment,
            size=size,
            padding=padding,
            augmentation=augmentation,
            mirror_order=joint_set.mirror_order,
        ),
    )


def mirrored(item: Item, mirror_order: tuple[int, ...]) -> Item:
    """Returns a crop mirrored left to right, with left and right joints exchanged."""
    order = np.array(mirror_order)
    joints = item["joints"][order]
    joints[:, 0] = item["image"].shape[1] - joints[:, 0]
    return {
        **item,
        "image": item["image"][:, ::-1],
        "joints": joints,
        "labelled": item["labelled"][order],
        "visible": item["visible"][order],
    }


def _keep(item: Item) -> Item:
    return item


def _augment(
    item: Item,
    rng: np.random.Generator,
    *,
    size: int,
    padding: Padding,
    augmentation: PoseAugmentation,
    mirror_order: tuple[int, ...],
) -> Item:
    # Every number is drawn at every visit: an option changes nothing but its own effect.
    zoom = _zoom(augmentation, rng.standard_normal(), rng.random())
    rotation = _rotation(augmentation, rng.standard_normal(), rng.random())
    turned, flipped = rng.random(2) < (
        augmentation.rotation_probability,
        augmentation.flip_probability,
    )
    gains = 1 + augmentation.color * rng.uniform(-1, 1, 3)
    crop = cropped(
        item, size=size, padding=padding, zoom=zoom, rotation=rotation if turned else 0.0
    )
    if flipped:
        crop = mirrored(crop, mirror_order)
    return {**crop, "image": np.clip(np.rint(crop["image"] * gains), 0, 255).astype(np.uint8)}


def _zoom(augmentation: PoseAugmentation, normal: float, uniform: float) -> float:
    width = augmentation.zoom
    if augmentation.zoom_kind == "uniform":
        return 1 + width * (2 * uniform - 1)
    if augmentation.zoom_kind == "normal":
        return float(np.clip(1 + width * normal, 1 - width, 1 + width))
    return float(2 ** np.clip(width * normal, -2 * width, 2 * width))


def _rotation(augmentation: PoseAugmentation, normal: float, uniform: float) -> float:
    width = augmentation.rotation
    if augmentation.rotation_kind == "uniform":
        return width * (2 * uniform - 1)
    return float(np.clip(width * normal, -2 * width, 2 * width))
