"""A trained pose network, ready to use: from a run, an export or a published checkpoint."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxrepro.core.arrays.array_files import ENDINGS, read_arrays
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference import trained
from jaxrepro.core.inference.cards import is_number, is_size
from jaxrepro.core.state import Variables
from jaxrepro.data.pose.joint_sets import JOINT_SETS, LSP, MPII, JointSet
from jaxrepro.data.pose.pose_crop import JOINT_BOX_PADDING, MPII_PADDING, Padding
from jaxrepro.metrics.pose.pose_decode import DECODE_STYLES
from jaxrepro.nn.blocks.stacked_hourglass import StackedHourglass
from jaxrepro.papers.pyranet.inference.people import MEANS
from jaxrepro.papers.pyranet.inference.predictor import Predictor
from jaxrepro.papers.pyranet.network.networks import network_from_card
from jaxrepro.papers.pyranet.port import hourglass_from_pytorch

NET = "model"
# Of the PyTorch codes whose checkpoints are read: by the number of joints, which joints they are
# and, as there, of which set the mean colour is subtracted.
_PUBLISHED_JOINTS = {16: (MPII, "mpii"), 14: (LSP, "lsp")}
_PUBLISHED_SIZE = 256


@dataclasses.dataclass(frozen=True)
class TrainedPose(trained.Trained):
    """A network with its variables and what its pictures and maps mean.

    Attributes:
      module, variables: `module.apply(variables, images, train=False)` returns scores.
      joint_set: of its maps.
      size: side of a crop in pixels. mean: a key of `people.MEANS`.
      padding: how the square around a person follows; None where nobody says it.
      decode_style: a key of DECODE_STYLES.
      origin: where it is from, for messages.
      targets_known: whether it is said how its targets were rounded, which decode_style fits; a
        published checkpoint does not say it.
    """

    module: StackedHourglass
    variables: Variables
    joint_set: JointSet
    size: int
    mean: str
    padding: Padding | None
    decode_style: str
    origin: str
    targets_known: bool = True

    def shapes(self) -> Any:
        """Returns the shapes of the variables."""
        key = jax.random.key(0)
        x = jnp.zeros((1, self.size, self.size, 3))
        rngs = {"params": key, "pooling": key}
        return jax.eval_shape(lambda: dict(self.module.init(rngs, x, train=False)))

    def padding_for(self, spec: str) -> Padding:
        """Returns the network's own padding, else that which belongs to people of the name `spec`.

        Published checkpoints do not carry theirs: MPII's is for its own centres and scales.
        """
        if self.padding is not None:
            return self.padding
        return MPII_PADDING if spec.startswith("mpii:") else JOINT_BOX_PADDING

    def decoded_as(self, style: str | None) -> "TrainedPose":
        """Returns the network with its maps decoded in the style --decode; None changes nothing.

        Raises InputError for a style that there is not, and for one in which every joint would be
        half a cell from where the network was trained to put it. Any is taken where the targets are
        not known: pytorch-pose's were rounded down, those of Fast Human Pose Estimation to the
        nearest cell, and their checkpoints look alike.
        """
        if style is None:
            return self
        if style not in DECODE_STYLES:
            raise InputError(f"--decode={style}: allowed are {', '.join(DECODE_STYLES)}")
        own = DECODE_STYLES[self.decode_style]
        if self.targets_known and DECODE_STYLES[style].cell_point != own.cell_point:
            raise InputError(
                f"--decode={style}: {self.origin} was trained for {self.decode_style}, in which a "
                "peak lies half a cell elsewhere; hrnet goes with hrnet, the others with each other"
            )
        return dataclasses.replace(self, decode_style=style)

    def predictor(self, **choices: Any) -> Predictor:
        """Returns the Predictor of this network. choices: its other fields, such as `flip`."""
        return Predictor(self.module, self.joint_set, self.mean, self.decode_style, **choices)


def load_trained(
    path: str | os.PathLike[str], step: int | str | None = None, *, average: bool | None = None
) -> TrainedPose:
    """Returns the network in `path`.

    path: a run, finished or going on; an export; or a checkpoint of pytorch-pose or of Fast Human
    Pose Estimation, as `core.arrays.array_files.read_arrays` takes it. Reading runs no code. step:
    of the run; the latest by default. average: of the run, its moving average or the network as the
    last update left it; None takes the average where there is one.

    Raises InputError if there is no pose network of this paper, or no such average.
    """
    checkpoint = trained.Published("a checkpoint of pytorch-pose", _is_file_of_arrays, _from_file)
    return trained.load(path, "pyranet", NET, _from_card, [checkpoint], step, average)


def _is_file_of_arrays(path: pathlib.Path) -> bool:
    return path.suffix in ENDINGS and path.is_file()


def _from_file(path: pathlib.Path) -> TrainedPose:
    arrays = read_arrays(path)
    try:
        module, variables = hourglass_from_pytorch(arrays)
    except InputError as error:
        raise InputError(f"{path} is no stacked hourglass: {error}") from error
    if module.num_joints not in _PUBLISHED_JOINTS:
        raise InputError(
            f"{path} has maps for {module.num_joints} joints; known are 16, MPII's, and 14, LSP's"
        )
    joint_set, mean = _PUBLISHED_JOINTS[module.num_joints]
    return TrainedPose(
        module,
        variables,
        joint_set,
        _PUBLISHED_SIZE,
        mean,
        None,
        "pytorch_pose",
        str(path),
        targets_known=False,
    )


def _from_card(card: Mapping[str, Any], origin: str) -> TrainedPose:
    """Returns what a model card says, without variables; it may be of any file."""
    if "joint_set" not in card:
        raise InputError(f"{origin} is no pose network; give one that was trained on people")
    module = network_from_card(_mapping(card, "network"))
    described, padding = _mapping(card, "joint_set"), _mapping(card, "padding")
    joint_set = JOINT_SETS.get(str(described.get("name")))
    if joint_set is None or list(joint_set.joints) != described.get("joints"):
        raise InputError(
            f"{origin}: its model card has joint_set={described!r}; known are "
            f"{', '.join(JOINT_SETS)}"
        )
    if len(joint_set) != module.num_joints:
        raise InputError(
            f"{origin}: its model card has {module.num_joints} maps for the {len(joint_set)} "
            f"joints of {joint_set.name}"
        )
    fields = {field.name for field in dataclasses.fields(Padding)}
    if set(padding) != fields or not all(map(is_number, padding.values())):
        raise InputError(f"{origin}: its model card has padding={padding!r}")
    for key, allowed in (("mean", MEANS), ("decode", DECODE_STYLES)):
        if card.get(key) not in tuple(allowed):
            raise InputError(
                f"{origin}: its model card has {key}={card.get(key)!r}; it can be "
                f"{', '.join(allowed)}"
            )
    size, multiple = card.get("size"), 4 * 2**module.depth
    if not isinstance(size, int) or not is_size(size) or size % multiple:
        raise InputError(
            f"{origin}: its model card has size={size!r}; it must be a multiple of {multiple}"
        )
    return TrainedPose(
        module,
        {},
        joint_set,
        size,
        str(card["mean"]),
        Padding(**padding),
        str(card["decode"]),
        origin,
    )


def _mapping(card: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = card.get(key)
    return value if isinstance(value, Mapping) else {}
