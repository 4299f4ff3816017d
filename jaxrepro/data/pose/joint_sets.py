"""Which joints a pose data set labels, in which order, and which of them a mirror swaps."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.joint_sides import find_partners


@dataclasses.dataclass(frozen=True)
class JointSet:
    """The joints of a data set.

    joints: their names in the order of the files, such as "left_wrist"; left and right are those
      of the person. bones: pairs of joints between which a skeleton is drawn. pairs: joints that
      a mirror swaps; None: those that their names tell, see `joint_sides`.
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[str, str], ...] = ()
    pairs: tuple[tuple[str, str], ...] | None = None

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Returns the number of a joint. Raises InputError for an unknown one."""
        if joint not in self.joints:
            raise InputError(
                f"{self.name} has no joint {joint!r}; its joints are {', '.join(self.joints)}"
            )
        return self.joints.index(joint)

    @property
    def mirror_order(self) -> tuple[int, ...]:
        """For each joint, the number of the one that takes its place in a mirrored picture."""
        if self.pairs is None:
            return find_partners(self.joints)[0]
        order = list(range(len(self)))
        for pair in self.pairs:
            first, second = map(self.joints.index, pair)
            order[first], order[second] = second, first
        return tuple(order)

    @property
    def flip_pairs(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joints, the lower number first, that a mirror swaps."""
        return tuple((i, j) for i, j in enumerate(self.mirror_order) if i < j)

    @property
    def unpaired(self) -> tuple[str, ...]:
        """Joints that a mirror leaves what they are, such as the nose."""
        return tuple(self.joints[i] for i, j in enumerate(self.mirror_order) if i == j)

    def with_pairs(self, pairs: Sequence[str]) -> "JointSet":
        """Returns the set with pairs "LEFT:RIGHT" of joints that a mirror swaps; ("none",): none.

        Raises InputError for another form, and for a joint that is unknown or in two pairs.
        """
        given = () if tuple(pairs) == ("none",) else tuple(pairs)
        found = []
        for pair in given:
            first, colon, second = str(pair).partition(":")
            if not colon or first == second or {first, second} - set(self.joints):
                raise InputError(
                    f"flip_pairs: {pair!r} given; a pair is two joints as left_toe:right_toe, and "
                    f"the joints are {', '.join(self.joints)}"
                )
            found.append((first, second))
        names = [name for pair in found for name in pair]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"flip_pairs: {', '.join(twice)} given in two pairs; give it in one")
        return dataclasses.replace(self, pairs=tuple(found))

    def check_mirrored(self, what: str, without: str) -> None:
        """Raises InputError if a joint that looks like one of a side has no partner.

        what: mirrors pictures, for the message; without: how one does without.
        """
        lonely = () if self.pairs is not None else find_partners(self.joints)[1]
        if lonely:
            raise InputError(
                f"{what} mirrors pictures, and no partner on the other side is found for "
                f"{', '.join(lonely)} of {self.name}: give all pairs when training, such as "
                f"--config.data.flip_pairs=\"('LEFT:RIGHT',)\" with names of the file, or {without}"
            )

    @property
    def bone_indices(self) -> tuple[tuple[int, int], ...]:
        """`bones` as numbers of joints."""
        return tuple((self.index(a), self.index(b)) for a, b in self.bones)


_RIGHT_LEG, _LEFT_LEG = (
    ("right_ankle", "right_knee", "right_hip"),
    ("left_hip", "left_knee", "left_ankle"),
)
_RIGHT_ARM, _LEFT_ARM = (
    ("right_wrist", "right_elbow", "right_shoulder"),
    ("left_shoulder", "left_elbow", "left_wrist"),
)
_LIMBS = tuple(
    pair
    for limb in (_RIGHT_LEG, _LEFT_LEG, _RIGHT_ARM, _LEFT_ARM)
    for pair in ((limb[0], limb[1]), (limb[1], limb[2]))
)

# MPII Human Pose, joint identities 0 to 15 of the release.
MPII = JointSet(
    "mpii",
    (
        *_RIGHT_LEG,
        *_LEFT_LEG,
        "pelvis",
        "thorax",
        "upper_neck",
        "head_top",
        *_RIGHT_ARM,
        *_LEFT_ARM,
    ),
    (
        *_LIMBS,
        ("right_hip", "pelvis"),
        ("left_hip", "pelvis"),
        ("pelvis", "thorax"),
        ("right_shoulder", "thorax"),
        ("left_shoulder", "thorax"),
        ("thorax", "upper_neck"),
        ("upper_neck", "head_top"),
    ),
)

# Leeds Sports Pose and its extended training set.
LSP = JointSet(
    "lsp",
    (*_RIGHT_LEG, *_LEFT_LEG, *_RIGHT_ARM, *_LEFT_ARM, "upper_neck", "head_top"),
    (
        *_LIMBS,
        ("right_hip", "left_hip"),
        ("right_shoulder", "upper_neck"),
        ("left_shoulder", "upper_neck"),
        ("right_hip", "right_shoulder"),
        ("left_hip", "left_shoulder"),
        ("upper_neck", "head_top"),
    ),
)

# COCO person keypoints.
COCO = JointSet(
    "coco",
    (
        "nose",
        *(
            f"{side}_{part}"
            for part in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
            for side in ("left", "right")
        ),
    ),
    (
        *_LIMBS,
        ("right_hip", "left_hip"),
        ("right_shoulder", "left_shoulder"),
        ("right_hip", "right_shoulder"),
        ("left_hip", "left_shoulder"),
        ("nose", "left_eye"),
        ("nose", "right_eye"),
        ("left_eye", "left_ear"),
        ("right_eye", "right_ear"),
    ),
)

JOINT_SETS = {joints.name: joints for joints in (MPII, LSP, COCO)}

# Joints that a set lacks are the middle of two that it has.
_MIDDLES = {
    "pelvis": ("right_hip", "left_hip"),
    "thorax": ("right_shoulder", "left_shoulder"),
}


def convert_joints(
    joints: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    source: JointSet,
    target: JointSet,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (joints, labelled, visible) in the order of another set.

    joints: [..., K, 2]; labelled, visible: bool [..., K]. Between MPII and LSP. A pelvis or thorax
    that the source lacks is the middle of the hips or shoulders, labelled and visible if both
    are.

    Raises InputError if the target has a joint that can be had in neither way.
    """
    columns = []
    for name in target.joints:
        pair = (name, name) if name in source.joints else _MIDDLES.get(name)
        if pair is None:
            raise InputError(
                f"{source.name} has no {name}, so its joints cannot be put in the order of "
                f"{target.name}; possible are mpii to lsp and lsp to mpii"
            )
        columns.append([source.index(joint) for joint in pair])
    first, second = np.array(columns).T
    return (
        (joints[..., first, :] + joints[..., second, :]) / 2,
        labelled[..., first] & labelled[..., second],
        visible[..., first] & visible[..., second],
    )
