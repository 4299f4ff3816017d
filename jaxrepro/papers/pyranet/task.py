"""Human pose as a Task: people cut out of pictures in, a map for every joint out of every stack.

Configs with a classifier get the other Task of this paper, see `classification_task`.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.config import Settings
from jaxrepro.core.devices.partition import Rules, rules_from_settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.random import named_key, streams
from jaxrepro.core.state import Collections, Net, Params, TrainState, Variables
from jaxrepro.core.task import (
    Batch,
    BatchSpec,
    Evaluator,
    Every,
    HostBatch,
    References,
    Scalars,
)
from jaxrepro.core.update import step as step_lib
from jaxrepro.core.update.optim import OptimizerSpec, make_optimizer
from jaxrepro.data.pipeline import train_iterator
from jaxrepro.data.pose.heat_maps import HEAT_MAP_STYLES, drawn_joints, heat_maps
from jaxrepro.data.pose.pose_augmentation import AUGMENTATIONS, augmented_crop_transform
from jaxrepro.losses.heat_map_error import MAP_WEIGHTS, heat_map_error
from jaxrepro.metrics.pose.heat_map_accuracy import map_accuracy, map_distances
from jaxrepro.metrics.pose.pose_decode import DECODE_STYLES
from jaxrepro.nn.norms.example_groups import apply_in_groups, num_groups_from_settings
from jaxrepro.papers.pyranet import published
from jaxrepro.papers.pyranet.classification.classification_task import (
    Classification,
    classification_from_settings,
)
from jaxrepro.papers.pyranet.classification.classifiers import CLASSIFIERS
from jaxrepro.papers.pyranet.inference.people import MEANS, PoseData
from jaxrepro.papers.pyranet.inference.predictor import Predictor, network_input
from jaxrepro.papers.pyranet.measures.evaluators import Baselines, PoseAccuracy, trained_variables
from jaxrepro.papers.pyranet.network.networks import make_network, network_card
from jaxrepro.papers.pyranet.network.pooling_windows import WINDOWS

# Pixels of a crop by cells of a map: the stem's.
_STRIDE = 4


@dataclasses.dataclass(frozen=True)
class MovingAverage:
    """Of the network's variables: decay 0 for none; a plain copy before update `start`."""

    decay: float
    start: int


@dataclasses.dataclass(frozen=True, eq=False)
class PoseEstimation:
    """Training of a stacked hourglass on people.

    size: side of a crop in pixels. augmentation, heat_maps and weights: keys of AUGMENTATIONS,
    HEAT_MAP_STYLES and MAP_WEIGHTS. num_groups: of examples with batch statistics of their own.
    baselines: measure predictions without a network too. rules: of `partition`.
    """

    predictor: Predictor
    data_set: PoseData
    size: int
    augmentation: str
    heat_maps: str
    weights: str
    optim: OptimizerSpec
    average: MovingAverage
    batch_size: int
    num_groups: int
    seed: int
    accuracy: PoseAccuracy
    baselines: bool
    rules: Rules

    @property
    def module(self) -> Any:
        """The network."""
        return self.predictor.module

    @property
    def batch_spec(self) -> Mapping[str, BatchSpec]:
        """Crops, uint8 [B, size, size, 3], and their joints in pixels of the crop."""
        num, joints = self.batch_size, len(self.predictor.joint_set)
        return {
            "image": BatchSpec((num, self.size, self.size, 3), np.uint8),
            "joints": BatchSpec((num, joints, 2), np.float32),
            "labelled": BatchSpec((num, joints), np.bool_),
            "visible": BatchSpec((num, joints), np.bool_),
            "index": BatchSpec((num,), np.int32),
        }

    def train_data(self, start_step: int, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields people, all of them once before any again, each time varied anew."""
        return train_iterator(
            self.data_set.train,
            augmented_crop_transform(
                self.size,
                self.data_set.box_padding,
                AUGMENTATIONS[self.augmentation],
                self.predictor.joint_set,
            ),
            seed=self.seed,
            batch_shape=(self.batch_size,),
            start_step=start_step,
            process=process,
            num_processes=num_processes,
        )

    def init(self, key: jax.Array) -> TrainState:
        """Returns the state before the first update."""
        keys = {"params": named_key(key, "params"), "pooling": named_key(key, "pooling")}
        x = jnp.zeros((1, self.size, self.size, 3))
        stats = dict(self.module.init(keys, x, train=False))
        params = stats.pop("params")
        net = Net(params, stats, make_optimizer(self.optim, params).init(params))
        ema = {"model": jax.tree.map(jnp.copy, net.variables)} if self.average.decay else {}
        return TrainState(jnp.zeros((), jnp.int32), key, nets={"model": net}, ema=ema)

    def loss(
        self, params: Params, stats: Collections, batch: Batch, pooling: jax.Array
    ) -> tuple[jax.Array, tuple[Collections, Scalars]]:
        """Returns (the training loss, (the new statistics, its parts and the accuracy)).

        The target maps are drawn here, of the joints: they are larger than the pictures.
        pooling: the key of the windows.
        """
        cells, style = self.size // _STRIDE, HEAT_MAP_STYLES[self.heat_maps]
        points = batch["joints"] / _STRIDE
        targets = heat_maps(points, batch["labelled"], cells, style)
        drawn = drawn_joints(points, batch["labelled"], cells, style)
        scores, stats = apply_in_groups(
            self.module,
            params,
            stats,
            network_input(batch["image"], self.predictor.mean),
            num_groups=self.num_groups,
            rngs={"pooling": pooling},
            batch_axis=1,
        )
        errors = heat_map_error(scores, targets, drawn, batch["visible"], MAP_WEIGHTS[self.weights])
        distances = map_distances(jax.lax.stop_gradient(scores[-1]), targets)
        logs = {
            "loss/heat_maps": errors.sum(),
            "loss/heat_maps_last_stack": errors[-1],
            "train_accuracy": map_accuracy(distances, self.predictor.joint_set),
        }
        return errors.sum(), (stats, logs)

    def train_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        """Returns the state after one update, and the logs of `loss`."""
        (pooling,) = streams(state.key, state.step, "pooling")

        def loss(params: Any, stats: Any, rows: Any) -> tuple[jax.Array, tuple[Any, Any]]:
            return self.loss(params, stats, rows, pooling)

        optimizer = make_optimizer(self.optim, state.nets["model"].params)
        after, logs = step_lib.supervised_step(state, loss, batch, optimizer)
        if not self.average.decay:
            return after, logs
        average = step_lib.ema_update(
            state.ema["model"],
            after.nets["model"].variables,
            state.step,
            decay=self.average.decay,
            start=self.average.start,
        )
        return TrainState(after.step, after.key, after.nets, {"model": average}), logs

    def partition(self) -> Rules:
        """Returns the rules of the config's section `mesh`."""
        return self.rules

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns "validation" and, at the end of a run, "baselines"."""
        found: dict[str, Evaluator] = {"validation": self.accuracy}
        if self.baselines:
            found["baselines"] = Baselines(self.data_set, self.accuracy.batch_size)
        return found

    def references(self) -> References:
        """Returns the published figures for this network, and what the results mean."""
        return published.references(network_card(self.module), self.data_set)

    def export(self, state: TrainState) -> Mapping[str, Variables]:
        """Returns the network: its moving average where there is one."""
        return {"model": trained_variables(state)}

    def model_card(self) -> Mapping[str, Any]:
        """Returns what rebuilds the network, what it takes and what its maps mean."""
        joint_set = self.predictor.joint_set
        return {
            "paper": "pyranet",
            "network": network_card(self.module),
            "joint_set": {
                "name": joint_set.name,
                "joints": list(joint_set.joints),
                "bones": [list(bone) for bone in joint_set.bones],
            },
            "size": self.size,
            "mean": self.predictor.mean,
            "padding": dataclasses.asdict(self.data_set.box_padding),
            "heat_maps": self.heat_maps,
            "decode": self.predictor.decode_style,
        }


def from_settings(settings: Settings) -> PoseEstimation | Classification:
    """Returns the Task that a config describes: by its network, people's pose or images' class.

    Raises InputError where the settings do not fit.
    """
    if settings.model.name in CLASSIFIERS:
        return classification_from_settings(settings)
    return _pose_from_settings(settings)


def _pose_from_settings(settings: Settings) -> PoseEstimation:
    data, loss, train, measured = settings.data, settings.loss, settings.train, settings.eval
    optim, ema = settings.optim, settings.ema
    data_set = PoseData.from_settings(data)
    joint_set = data_set.train.joint_set
    module = make_network(settings.model, num_joints=len(joint_set))
    size = data.at_least("size", 1)
    if size % (multiple := _STRIDE * 2**module.depth):
        raise InputError(
            f"data.size is {size}; with model.depth={module.depth} give a multiple of {multiple}"
        )
    predictor = Predictor(
        module,
        joint_set,
        mean=data.one_of("mean", tuple(MEANS)),
        decode_style=measured.one_of("decode", tuple(DECODE_STYLES)),
        flip=measured.one_of("flip", (False, True)),
        shift=measured.one_of("shift", (False, True)),
        windows=measured.one_of("windows", WINDOWS),
        num_draws=measured.at_least("num_draws", 1),
    )
    style = loss.one_of("heat_maps", tuple(HEAT_MAP_STYLES))
    nearest = HEAT_MAP_STYLES[style].rounding == "nearest"
    if nearest != (DECODE_STYLES[predictor.decode_style].cell_point == 0):
        raise InputError(
            f"loss.heat_maps={style} and eval.decode={predictor.decode_style} differ by half a "
            "cell in where a peak lies; hrnet goes with hrnet, the others with each other"
        )
    decay = ema.at_least("decay", 0)
    if decay >= 1:
        raise InputError(f"ema.decay is {decay}; it must be below 1, 0 for no moving average")
    batch_size = train.at_least("batch_size", 1)
    return PoseEstimation(
        predictor=predictor,
        data_set=data_set,
        size=size,
        augmentation=data.one_of("augmentation", tuple(AUGMENTATIONS)),
        heat_maps=style,
        weights=loss.one_of("weights", tuple(MAP_WEIGHTS)),
        optim=OptimizerSpec.from_settings(optim, total_steps=train.total_steps),
        average=MovingAverage(decay, ema.at_least("start", 0)),
        batch_size=batch_size,
        num_groups=num_groups_from_settings(settings.model, batch_size),
        seed=settings.seed,
        accuracy=PoseAccuracy(
            predictor,
            data_set,
            size,
            truncate=measured.one_of("truncate", (False, True)),
            every=Every(measured.at_least("every", 0)),
            batch_size=measured.at_least("batch_size", 1),
            num_worst=measured.at_least("worst_people", 0),
        ),
        baselines=measured.one_of("baselines", (False, True)),
        rules=rules_from_settings(settings.mesh),
    )
