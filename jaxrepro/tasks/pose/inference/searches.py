"""Poses found in several ways from one pass of the network over each person.

A pass sees every person at every scale, plain and mirrored, all in one batch on the device. What a
plain test finds is part of it, so that the ways stand side by side at the cost of the dearest.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.state import Variables
from jaxrepro.data.pipeline import eval_batches
from jaxrepro.data.pose.people import People
from jaxrepro.data.pose.pose_crop import (
    Padding,
    boxes,
    crop_image,
    crop_matrix,
    zoomed_crops_transform,
)
from jaxrepro.metrics.pose.pose_decode import DECODE_STYLES, DecodeStyle, decode, to_picture
from jaxrepro.metrics.pose.pose_search import SIX_SCALES, flip_average, scale_average
from jaxrepro.tasks.pose.inference.pooling_windows import predict_scores
from jaxrepro.tasks.pose.inference.predictor import Predictor, network_input
from jaxrepro.tasks.pose.inference.trained_pose import TrainedPose

_PLAIN_SCALE = (1.0,)


@dataclasses.dataclass(frozen=True)
class Search:
    """Which views of a person the maps are the mean of: mirrored or not, and at which scales."""

    flip: bool = False
    zooms: tuple[float, ...] = _PLAIN_SCALE


SEARCHES = {
    "plain": Search(),
    "flip": Search(flip=True),
    "scales": Search(zooms=SIX_SCALES),
    "flip and scales": Search(flip=True, zooms=SIX_SCALES),
}


def chosen_searches(*, flip: bool, scales: bool) -> dict[str, Search]:
    """Returns the plain search and those that the flags ask for, their combination last."""
    return {
        name: search
        for name, search in SEARCHES.items()
        if flip >= search.flip and (scales or search.zooms == _PLAIN_SCALE)
    }


@dataclasses.dataclass(frozen=True, eq=False)
class FoundPoses:
    """Poses in the coordinates of the pictures.

    points: float64 [N, K, 2], or `truncated` to the middle of a pixel as the Torch code does;
    confidences: peak values of the maps, float64 [N, K].
    """

    points: np.ndarray
    truncated: np.ndarray
    confidences: np.ndarray


def find_poses(
    trained: TrainedPose,
    predictor: Predictor,
    people: People,
    padding: Padding,
    searches: Mapping[str, Search],
    batch_size: int,
) -> dict[str, FoundPoses]:
    """Returns what each search finds, in the order of `people`.

    predictor: of `trained`; its `flip` has no effect, the searches say it. padding: how squares
    follow from people. batch_size: people of one pass, who share windows that are
    drawn anew; a pass has as many crops for each scale, and twice as many with a mirrored view.
    """
    mesh = mesh_lib.make_mesh()
    rows, whole = mesh_lib.batch_sharding(mesh), mesh_lib.replicated(mesh)
    zooms = _all_zooms(searches)

    def step(variables: Variables, crops: jax.Array, key: jax.Array):
        return search_crops(predictor, variables, crops, zooms, searches, key)

    # Without a run there is no evaluator to compile it: published weights are measured too.
    compiled = jax.jit(step, in_shardings=(whole, rows, whole), out_shardings=rows)
    variables = jax.device_put(trained.variables, whole)
    transform = zoomed_crops_transform(trained.size, padding, zooms)
    outputs = []
    for number, batch in enumerate(eval_batches(people, transform, batch_size)):
        batch = mesh_lib.padded(batch, mesh)
        crops = mesh_lib.put_batch({"image": batch["image"]}, {"image": rows})["image"]
        key = jax.device_put(jax.random.key(number), whole)
        out = jax.device_get(compiled(variables, crops, key))
        outputs.append({name: [x[batch["mask"]] for x in pair] for name, pair in out.items()})
    centers, scales = boxes(people, padding)
    found = {}
    for name, search in searches.items():
        shares, values = (
            np.concatenate([out[name][i] for out in outputs]).astype(np.float64) for i in (0, 1)
        )
        placed = (shares, centers, scales * max(search.zooms), 1)
        points = to_picture(*placed)
        found[name] = FoundPoses(points, to_picture(*placed, truncate=True), values)
    return found


def search_crops(
    predictor: Predictor,
    variables: Variables,
    crops: jax.Array,
    zooms: Sequence[float],
    searches: Mapping[str, Search],
    key: jax.Array,
) -> dict[str, tuple[jax.Array, jax.Array]]:
    """Returns (points [B, K, 2], peak values [B, K]) by the name of the search.

    crops: uint8 [B, Z, S, S, 3], crop z zooms[z] times as wide as that of zoom 1. Points are
    shares of the search's widest crop: 0 to 1 from its left to its right.
    """
    num, count = crops.shape[:2]
    x = network_input(crops.reshape(num * count, *crops.shape[2:]), predictor.mean)
    flip = any(search.flip for search in searches.values())
    scores = predict_scores(
        predictor.module,
        variables,
        jnp.concatenate([x, x[:, :, ::-1]]) if flip else x,
        key,
        windows=predictor.windows,
        num_draws=predictor.num_draws,
        num_stacks=predictor.stacks,
    )[-1]
    plain = scores[: num * count]
    views = {False: plain}
    if flip:
        views[True] = flip_average(
            plain, scores[num * count :], predictor.joint_set, shift=predictor.shift
        )
    style = DECODE_STYLES[predictor.decode_style]
    found = {}
    for name, search in searches.items():
        maps = views[search.flip].reshape(num, count, *plain.shape[1:])
        if search.zooms == _PLAIN_SCALE:
            chosen = maps[:, list(zooms).index(1.0)]
            points, values = decode(chosen, style)
        else:
            order = jnp.array([list(zooms).index(zoom) for zoom in search.zooms])
            # A cell of the mean is a pixel of the plain crop, so that a peak needs no quarter
            # steps: the PyraNet code, in pixels of the picture, makes none.
            side = math.ceil(crops.shape[2] * max(search.zooms))
            chosen = scale_average(
                jnp.moveaxis(maps[:, order], 1, 0), search.zooms, side, cell_point=style.cell_point
            )
            points, values = decode(chosen, DecodeStyle(0.5, margin=side, absent=0.5))
        found[name] = (points / chosen.shape[-2], values)
    return found


def _all_zooms(searches: Mapping[str, Search]) -> tuple[float, ...]:
    return tuple(sorted({zoom for search in searches.values() for zoom in search.zooms}))


@dataclasses.dataclass(frozen=True)
class FoundJoints:
    """points: float64 [K, 2] in pixels of the picture, NaN where a map has no positive value.

    confidences: float64 [K], the highest value of each map; in training it is 1 at a joint.
    """

    points: np.ndarray
    confidences: np.ndarray


class JointFinder:
    """Finds the joints of one person after another; all share one program."""

    def __init__(self, predictor: Predictor, variables: Variables, size: int, search: Search):
        """size: side of a crop in pixels. search: `predictor.flip` has no effect, this says it."""
        self._variables = jax.device_put(variables)
        self._size = size
        self._zooms = search.zooms

        def find(variables: Variables, crops: jax.Array) -> tuple[jax.Array, jax.Array]:
            searches = {"": search}
            found = search_crops(
                predictor, variables, crops, search.zooms, searches, jax.random.key(0)
            )
            return found[""]

        # One program for all people: pictures come one at a time, outside loop and evaluators.
        self._find = jax.jit(find)

    def __call__(self, image: np.ndarray, center: np.ndarray, scale: float) -> FoundJoints:
        """Returns the joints of the person in the square of 200 scale pixels around `center`.

        image: uint8 [H, W, 3]. center: [2].
        """
        crops = [
            crop_image(image, crop_matrix(center, scale * zoom, self._size), self._size)
            for zoom in self._zooms
        ]
        found = jax.device_get(self._find(self._variables, np.stack(crops)[None]))
        shares, confidences = (array.astype(np.float64) for array in found)
        widest = np.array([scale * max(self._zooms)])
        points = to_picture(shares, center[None], widest, 1)[0]
        return FoundJoints(np.where(confidences[0, :, None] > 0, points, np.nan), confidences[0])
