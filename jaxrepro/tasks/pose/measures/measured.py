"""A network measured: poses found in several ways, their scores, and how each was made."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxrepro.data.pose.people import People
from jaxrepro.data.pose.pose_crop import Padding, boxes
from jaxrepro.metrics.pose.pose_decode import to_picture
from jaxrepro.tasks.pose.inference.predictor import Predictor
from jaxrepro.tasks.pose.inference.searches import (
    FoundPoses,
    Search,
    chosen_searches,
    find_poses,
)
from jaxrepro.tasks.pose.inference.trained_pose import TrainedPose
from jaxrepro.tasks.pose.measures.accuracy import THUMBNAIL, PosesWithoutNetwork, thumbnails
from jaxrepro.tasks.pose.measures.scores import Scores, score

# Names of rows: of the back-transform to whole pixels, and of the baselines.
_TRUNCATED = ", whole pixels"
_BASELINES = {"mean_pose": "mean pose", "nearest": "nearest neighbour"}


@dataclasses.dataclass(frozen=True, eq=False)
class MeasuredPoses:
    """What a network found.

    scores: by the name of the predictions, then as of `scores.score`. protocols: by the same names.
    best: poses of the last search, that of the most views. sentence: what all have in common.
    """

    scores: Mapping[str, Mapping[str, Scores]]
    protocols: Mapping[str, Mapping[str, Any]]
    best: FoundPoses
    sentence: str

    @property
    def any_labels(self) -> bool:
        """Whether the people have labels to measure by."""
        return any(self.scores.values())

    def as_json(self) -> list[dict[str, Any]]:
        """Returns name, protocol and figures of each prediction."""
        return [
            {
                "name": name,
                "protocol": self.protocols[name],
                "scores": {unit: dataclasses.asdict(one) for unit, one in by_unit.items()},
            }
            for name, by_unit in self.scores.items()
        ]


def measure_poses(
    trained: TrainedPose,
    people: People,
    train: People | None,
    *,
    flip: bool,
    scales: bool,
    batch_size: int,
    choices: Mapping[str, Any],
) -> MeasuredPoses:
    """Returns the scores of a network and, with training people, of poses without it.

    people, train: with the joints of the network. flip, scales: search so too; see
    `searches.chosen_searches`. choices: of `Predictor`, beside `flip`.
    """
    predictor = trained.predictor(**choices)
    padding = trained.padding_for(people.spec)
    searches = chosen_searches(flip=flip, scales=scales)
    found = find_poses(trained, predictor, people, padding, searches, batch_size)
    scores, protocols = {}, {}
    for name, poses in found.items():
        protocol = _protocol(trained, predictor, padding, searches[name])
        for end, points, truncate in (
            ("", poses.points, False),
            (_TRUNCATED, poses.truncated, True),
        ):
            scores[name + end] = score(points, people)
            protocols[name + end] = {**protocol, "truncate": truncate}
    if train is not None:
        centers, box_scales = boxes(people, padding)
        without = PosesWithoutNetwork(train, padding)(thumbnails(people, padding))
        for key, points in without.items():
            placed = to_picture(points, centers, box_scales, THUMBNAIL)
            scores[_BASELINES[key]] = score(placed, people)
            protocols[_BASELINES[key]] = {
                "train_people": train.spec,
                "padding": dataclasses.asdict(padding),
            }
    return MeasuredPoses(scores, protocols, found[list(found)[-1]], _sentence(predictor, protocols))


def _protocol(
    trained: TrainedPose, predictor: Predictor, padding: Padding, search: Search
) -> dict[str, Any]:
    return {
        "size": trained.size,
        "mean": trained.mean,
        "padding": dataclasses.asdict(padding),
        "decode": trained.decode_style if len(search.zooms) == 1 else "highest pixel",
        "flip": search.flip,
        "shift": search.flip and predictor.shift,
        "zooms": list(search.zooms),
        "stack": predictor.stacks or trained.module.num_stacks,
        "num_stacks": trained.module.num_stacks,
        "windows": predictor.windows,
        "num_draws": predictor.num_draws if predictor.windows == "averaged" else 1,
    }


def _sentence(predictor: Predictor, protocols: Mapping[str, Mapping[str, Any]]) -> str:
    first = next(iter(protocols.values()))
    padding = first["padding"]
    return (
        f"stack {first['stack']} of {first['num_stacks']}; crops of {first['size']} pixels, "
        f"{padding['enlarged']:g} times the person, moved down by {padding['moved_down']:g}; mean "
        f"colour {predictor.mean}; decoded as {predictor.decode_style}, the mean over scales at "
        "its highest pixel"
    )
