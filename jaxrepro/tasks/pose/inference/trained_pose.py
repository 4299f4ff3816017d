"""A trained pose network, ready to use, and how it is read, by a model card or from a path."""

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxrepro.core.errors import InputError
from jaxrepro.core.exports.inference_function import InferenceFunction, Input
from jaxrepro.core.inference import trained
from jaxrepro.core.inference.cards import is_number, is_size
from jaxrepro.core.state import Variables
from jaxrepro.core.supervised import NET
from jaxrepro.data.pose.joint_sets import JOINT_SETS, JointSet
from jaxrepro.data.pose.pose_crop import JOINT_BOX_PADDING, MPII_PADDING, Padding
from jaxrepro.metrics.pose.pose_decode import DECODE_STYLES
from jaxrepro.tasks.pose.inference.pooling_windows import predict_scores
from jaxrepro.tasks.pose.inference.predictor import Predictor, network_input
from jaxrepro.tasks.pose.networks import PoseNetworks, side_multiple
from jaxrepro.tasks.pose.people import MEANS

# What reads a paper's networks: (path=, step=, average=) -> TrainedPose.
Load = Callable[..., "TrainedPose"]


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

    module: Any
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

    def inference_function(self) -> InferenceFunction:
        """Returns the joints' maps of crops, of the last stack."""
        side = side_multiple(self.module)
        inputs = (
            Input("image", f"batch, {side}*height, {side}*width, 3", "uint8", 256, "crops, RGB"),
        )

        def maps(variables: Variables, images: jax.Array) -> jax.Array:
            x = network_input(images, self.mean)
            return predict_scores(self.module, variables, x, jax.random.key(0))[-1]

        sizes = {"batch": 1, **dict.fromkeys(("height", "width"), self.size // side)}
        joints = ", ".join(self.joint_set.joints)
        meaning = f"[batch, rows, columns, joint]: a map for each of {joints}"
        return InferenceFunction(maps, self.variables, inputs, "maps", meaning, sizes)

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


def load_pose(
    path: str | os.PathLike[str],
    networks: PoseNetworks,
    readers: Sequence[trained.Published[TrainedPose]] = (),
    *,
    step: int | str | None = None,
    average: bool | None = None,
) -> TrainedPose:
    """Returns the network of that paper in `path`; all is as in `core.inference.trained.load`."""
    build = functools.partial(pose_from_card, networks=networks)
    return trained.load(path, networks.paper, NET, build, readers, step, average)


def pose_from_card(card: Mapping[str, Any], origin: str, networks: PoseNetworks) -> TrainedPose:
    """Returns what the model card of a pose Task says, without variables; it may be of any file.

    networks: of the card's paper. Raises InputError if there is no such network.
    """
    if "joint_set" not in card:
        raise InputError(f"{origin} is no pose network; give one that was trained on people")
    module = networks.from_card(_mapping(card, "network"))
    padding = _mapping(card, "padding")
    joint_set = _joint_set(_mapping(card, "joint_set"), origin)
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
    size, multiple = card.get("size"), side_multiple(module)
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


def _joint_set(described: Mapping[str, Any], origin: str) -> JointSet:
    """Returns the joints of a model card: a known set, or any that is described whole."""
    name = str(described.get("name"))
    joints: Any = described.get("joints")
    known = JOINT_SETS.get(name)
    bones, pairs = described.get("bones", []), described.get("flip_pairs")
    if (
        not _are_names(joints)
        or not all(_are_names(pair, 2) and set(pair) <= set(joints) for pair in _listed(bones))
        or not all(_are_names(pair, 2) for pair in _listed(pairs or []))
        or (known is not None and list(known.joints) != joints)
    ):
        raise InputError(
            f"{origin}: its model card has joint_set={described!r}; known are "
            f"{', '.join(JOINT_SETS)}, and any other with its joints, bones and flip_pairs"
        )
    joint_set = known or JointSet(name, tuple(joints), tuple((a, b) for a, b in bones))
    if pairs is None:  # Of an earlier version: the names tell.
        return joint_set
    given = joint_set.with_pairs([f"{a}:{b}" for a, b in pairs] or ["none"])
    return joint_set if given.flip_pairs == joint_set.flip_pairs else given


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [None]


def _are_names(value: Any, number: int | None = None) -> bool:
    """Whether a value of a card is a list of different texts, `number` of them."""
    return (
        isinstance(value, list)
        and len(value) == (number or len(value)) > 0
        and all(isinstance(name, str) for name in value)
        and len(set(value)) == len(value)
    )


def _mapping(card: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = card.get(key)
    return value if isinstance(value, Mapping) else {}
