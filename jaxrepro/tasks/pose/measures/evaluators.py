"""Measurements during training: joints found in held-out people, by the network and without it."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping

import jax
import numpy as np

from jaxrepro.core.state import TrainState
from jaxrepro.core.supervised import trained_variables
from jaxrepro.core.task import Batch, Every, HostBatch, Image
from jaxrepro.data.pipeline import eval_batches
from jaxrepro.data.pose.people import People
from jaxrepro.data.pose.pose_crop import boxes, crop_transform
from jaxrepro.metrics.pose.pose_decode import to_picture
from jaxrepro.tasks.pose.inference.predictor import Predictor
from jaxrepro.tasks.pose.measures.accuracy import THUMBNAIL, PosesWithoutNetwork, measured, words
from jaxrepro.tasks.pose.measures.joint_error_plot import joint_error_plot
from jaxrepro.tasks.pose.measures.people_gallery import people_gallery
from jaxrepro.tasks.pose.people import PoseData

Rows = list[Mapping[str, np.ndarray]]
# Typical people that are drawn, and as many that were found best.
_OTHERS = 4


@dataclasses.dataclass(frozen=True, eq=False)
class PoseAccuracy:
    """PCK and PCKh of the network's joints in the pictures of the validation people.

    size: side of a crop in pixels. truncate: see `metrics.pose.pose_decode.to_picture`. num_worst:
    how many people are drawn whose joints were found worst, beside a few others; 0 for no pictures.
    """

    predictor: Predictor
    data_set: PoseData
    size: int
    truncate: bool
    every: Every
    batch_size: int
    num_worst: int = 0

    @property
    def measured_on(self) -> str:
        """The people, and how joints are found in their crops."""
        mirrored = ", the mean of the crop and its mirror image" * self.predictor.flip
        whole = ", cut to whole ones" * self.truncate
        return (
            f"{words(self.data_set.validation)}; crops of {self.size} pixels around the known "
            f"place of each person{mirrored}, joints in pixels of the pictures{whole}"
        )

    def data(self, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields crops, uint8 [B, size, size, 3], with the numbers of their people."""
        return _crops(
            self.data_set.validation,
            self.data_set,
            self.size,
            self.batch_size,
            process,
            num_processes,
        )

    def step(self, state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        """Returns the joints of each crop, float32 [B, K, 2] in pixels of it, and whose they are.

        Where windows of pooling are drawn anew, each batch has its own.
        """
        key = jax.random.fold_in(key, batch["index"][0])
        points, _ = self.predictor.points(trained_variables(state), batch["image"], key)
        return {"points": points, "index": batch["index"]}

    def init(self) -> Rows:
        """Returns nobody."""
        return []

    def merge(self, acc: Rows, out: Mapping[str, np.ndarray]) -> Rows:
        """Returns the people so far with those of one more batch."""
        return [*acc, out]

    def finish(self, acc: Rows) -> Mapping[str, float | Image]:
        """Returns what `accuracy.measured` says of them, and pictures of errors."""
        people = self.data_set.validation
        points = _by_person(acc, "points").astype(np.float64)
        centers, scales = boxes(people, self.data_set.box_padding)
        found = to_picture(points, centers, scales, self.size, truncate=self.truncate)
        pictures: dict[str, np.ndarray | None] = {}
        if self.num_worst:
            pictures["joint_errors"] = joint_error_plot(found, people)
            pictures["chosen_people"] = people_gallery(people, found, self.num_worst, _OTHERS)
        drawn = {name: Image(pixels) for name, pixels in pictures.items() if pixels is not None}
        return {**measured(found, people), **drawn}


@dataclasses.dataclass(frozen=True, eq=False)
class Baselines:
    """The same of two predictions without a network, once, at the end.

    "mean_pose_": each joint where it is on average in the training people's crops. "nearest_": the
    joints of the training person whose crop is the most similar.
    """

    data_set: PoseData
    batch_size: int

    @property
    def every(self) -> Every:
        """At the end only."""
        return Every(0)

    @property
    def measured_on(self) -> str:
        """The people."""
        return f"{words(self.data_set.validation)}; no network"

    def data(self, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields small crops, uint8 [B, 32, 32, 3]."""
        people = self.data_set.validation
        return _crops(people, self.data_set, THUMBNAIL, self.batch_size, process, num_processes)

    def step(self, state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        """Returns the crops: they are compared on the host."""
        del state, key
        return dict(batch)

    def init(self) -> Rows:
        """Returns nobody."""
        return []

    def merge(self, acc: Rows, out: Mapping[str, np.ndarray]) -> Rows:
        """Returns the people so far with those of one more batch."""
        return [*acc, out]

    def finish(self, acc: Rows) -> Mapping[str, float]:
        """Returns both, by the names of `accuracy.measured` behind their own."""
        people = self.data_set.validation
        centers, scales = boxes(people, self.data_set.box_padding)
        return {
            f"{method}_{name}": value
            for method, points in self._without_network(_by_person(acc, "image")).items()
            for name, value in measured(
                to_picture(points, centers, scales, THUMBNAIL), people, details=False
            ).items()
        }

    @functools.cached_property
    def _without_network(self) -> PosesWithoutNetwork:
        return PosesWithoutNetwork(self.data_set.train, self.data_set.box_padding)


def _crops(
    people: People,
    data_set: PoseData,
    size: int,
    batch_size: int,
    process: int,
    num_processes: int,
) -> Iterator[HostBatch]:
    transform = crop_transform(size, data_set.box_padding)
    for batch in eval_batches(
        people, transform, batch_size, process=process, num_processes=num_processes
    ):
        yield {name: batch[name] for name in ("image", "index", "mask")}


def _by_person(rows: Rows, name: str) -> np.ndarray:
    """Returns one field of all people in their order."""
    values = np.concatenate([row[name] for row in rows])
    return values[np.argsort(np.concatenate([row["index"] for row in rows]))]
