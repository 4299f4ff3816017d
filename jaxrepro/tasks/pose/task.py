"""Human pose as a Task: people cut out of pictures in, a map for every joint out of every stack."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import jax

from jaxrepro.core.config import Settings
from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.core.devices.partition import rules_from_settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.state import Collections, Params, Variables
from jaxrepro.core.supervised import MovingAverage, Supervised
from jaxrepro.core.task import Batch, Evaluator, Every, References, Scalars
from jaxrepro.core.update.optim import OptimizerSpec
from jaxrepro.data.pose.heat_maps import HEAT_MAP_STYLES, drawn_joints, heat_maps
from jaxrepro.data.pose.pose_augmentation import AUGMENTATIONS, augmented_crop_transform
from jaxrepro.data.stream import TrainStream
from jaxrepro.losses.heat_map_error import MAP_WEIGHTS, heat_map_error
from jaxrepro.metrics.pose.heat_map_accuracy import map_accuracy, map_distances
from jaxrepro.metrics.pose.pose_decode import DECODE_STYLES
from jaxrepro.nn.norms.example_groups import apply_in_groups, num_groups_from_settings
from jaxrepro.tasks.pose.inference.pooling_windows import WINDOWS, predict_scores
from jaxrepro.tasks.pose.inference.predictor import Predictor, network_input
from jaxrepro.tasks.pose.inference.trained_pose import TrainedPose
from jaxrepro.tasks.pose.measures.accuracy import described_results, unmeasured
from jaxrepro.tasks.pose.measures.evaluators import Baselines, PoseAccuracy
from jaxrepro.tasks.pose.networks import STRIDE, PoseNetworks, side_multiple
from jaxrepro.tasks.pose.people import MEANS, PoseData

TEACHER = "teacher"


class MapTargets(NamedTuple):
    """What maps should be, float32 [B, h, w, K], and what is known of joints, bool [B, K].

    drawn: whether a map has its peak; visible: whether the joint is seen in the picture.
    """

    maps: jax.Array
    drawn: jax.Array
    visible: jax.Array


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class PoseEstimation(Supervised):
    """Training of a network of maps on people. A paper's own is a subclass with what it changes.

    It changes `map_loss`, what is minimised, which may compare with a teacher's maps; `evaluators`
    and `references`; or nothing, with networks of its own.

    networks: of the paper. predictor: of `module`. size: side of a crop in pixels. heat_maps and
    weights: keys of HEAT_MAP_STYLES and MAP_WEIGHTS. num_groups: of examples with batch statistics
    of their own. baselines: measure predictions without a network too. teacher: a trained network
    whose variables are `fixed["teacher"]`, None for none.
    """

    networks: PoseNetworks
    predictor: Predictor
    data_set: PoseData
    size: int
    heat_maps: str
    weights: str
    num_groups: int
    accuracy: PoseAccuracy
    baselines: bool
    teacher: TrainedPose | None = None

    # --- What a paper changes.

    def map_loss(
        self, scores: jax.Array, targets: MapTargets, batch: Batch, step: jax.Array
    ) -> tuple[jax.Array, Scalars]:
        """Returns (what is minimised, what to log): the error of the maps, summed over stacks.

        scores: float32 [S, B, h, w, K]. batch: with "teacher", float32 [B, h, w, K], where there is
        one: the maps of its last stack, of the same crops. step: int32 [], the number of updates
        done before this one.
        """
        del batch, step
        weights = MAP_WEIGHTS[self.weights]
        errors = heat_map_error(scores, targets.maps, targets.drawn, targets.visible, weights)
        logs = {"loss/heat_maps": errors.sum(), "loss/heat_maps_last_stack": errors[-1]}
        return errors.sum(), logs

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns "validation" and, at the end of a run, "baselines"."""
        found: dict[str, Evaluator] = {"validation": self.accuracy}
        if self.baselines:
            found["baselines"] = Baselines(self.data_set, self.accuracy.batch_size)
        return found

    def identities(self) -> Mapping[str, DataIdentity]:
        """Returns the people to train on and to measure; a paper adds the file of a teacher."""
        train, validation = self.data_set.train, self.data_set.validation
        joints = self.predictor.joint_set.unpaired
        mirror = f"mirrored onto themselves: {', '.join(joints) or 'no joints'}"
        trained, measured = train.identity(), validation.identity()
        reason = unmeasured(validation)
        return {
            "data.source": dataclasses.replace(
                trained,
                places=("data.images", "data.validation_list"),
                notes=(*trained.notes, mirror),
            ),
            "data.validation": dataclasses.replace(
                measured,
                places=("data.validation_images",),
                notes=(*measured.notes, *([reason] if reason else [])),
            ),
        }

    def references(self) -> References:
        """Returns what the results mean."""
        return described_results()

    # --- What follows.

    @property
    def draws(self) -> tuple[str, ...]:
        """The windows of fractional pooling."""
        return ("pooling",)

    def inputs(self, batch: Batch) -> tuple[jax.Array, ...]:
        """Returns the crops as the network sees them."""
        return (network_input(batch["image"], self.predictor.mean),)

    def fixed_outputs(
        self, fixed: Mapping[str, Variables], batch: Batch, key: jax.Array
    ) -> Mapping[str, jax.Array]:
        """Returns the teacher's maps, in evaluation mode, where there is one."""
        if self.teacher is None:
            return {}
        images = network_input(batch["image"], self.teacher.mean)
        scores = predict_scores(self.teacher.module, fixed[TEACHER], images, key)
        return {TEACHER: scores[-1]}

    def objective(
        self, params: Params, stats: Collections, batch: Batch, key: jax.Array, step: jax.Array
    ) -> tuple[jax.Array, tuple[Collections, Scalars]]:
        """Returns (`map_loss`, (the new statistics, its logs and the accuracy)).

        The target maps are drawn here, of the joints: they are larger than the pictures.
        """
        cells, style = self.size // STRIDE, HEAT_MAP_STYLES[self.heat_maps]
        points = batch["joints"] / STRIDE
        targets = MapTargets(
            heat_maps(points, batch["labelled"], cells, style),
            drawn_joints(points, batch["labelled"], cells, style),
            batch["visible"],
        )
        scores, stats = apply_in_groups(
            self.module,
            params,
            stats,
            *self.inputs(batch),
            num_groups=self.num_groups,
            rngs=self.rngs(key),
            batch_axis=1,
        )
        value, logs = self.map_loss(scores, targets, batch, step)
        distances = map_distances(jax.lax.stop_gradient(scores[-1]), targets.maps)
        accuracy = map_accuracy(distances, self.predictor.joint_set)
        return value, (stats, {**logs, "train_accuracy": accuracy})

    def model_card(self) -> Mapping[str, Any]:
        """Returns what rebuilds the network, what it takes and what its maps mean."""
        joint_set = self.predictor.joint_set
        return {
            "paper": self.networks.paper,
            "network": self.networks.card(self.module),
            "joint_set": {
                "name": joint_set.name,
                "joints": list(joint_set.joints),
                "bones": [list(bone) for bone in joint_set.bones],
                "flip_pairs": [
                    [joint_set.joints[i], joint_set.joints[j]] for i, j in joint_set.flip_pairs
                ],
            },
            "size": self.size,
            "mean": self.predictor.mean,
            "padding": dataclasses.asdict(self.data_set.box_padding),
            "heat_maps": self.heat_maps,
            "decode": self.predictor.decode_style,
        }

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        networks: PoseNetworks,
        *,
        teacher: TrainedPose | None = None,
        **fields: Any,
    ) -> Self:
        """Returns the Task that a config with `settings.pose_sections` describes.

        teacher: see `TrainedPose`; its maps are those that `map_loss` sees. fields: those that a
        subclass has beside. Raises InputError where the settings do not fit.
        """
        data, loss, train, measured = settings.data, settings.loss, settings.train, settings.eval
        optim, ema = settings.optim, settings.ema
        data_set = PoseData.from_settings(data)
        joint_set = data_set.train.joint_set
        module = networks.from_settings(settings.model, num_joints=len(joint_set))
        size = data.at_least("size", 1)
        if size % (multiple := side_multiple(module)):
            raise InputError(
                f"data.size is {size}; with model.depth={module.depth} give a multiple of "
                f"{multiple}"
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
        augmentation = AUGMENTATIONS[data.one_of("augmentation", tuple(AUGMENTATIONS))]
        without = "take data.augmentation=none and eval.flip=False"
        if augmentation.flip_probability:
            joint_set.check_mirrored(f"data.augmentation={data.augmentation}", without)
        if predictor.flip:
            joint_set.check_mirrored("eval.flip=True", without)
        varied = augmented_crop_transform(size, data_set.box_padding, augmentation, joint_set)
        if teacher is not None:
            _check_teacher(teacher, predictor, size)
            fields["fixed"] = {TEACHER: teacher.variables}
        return cls(
            networks=networks,
            module=module,
            predictor=predictor,
            data_set=data_set,
            stream=TrainStream(data_set.train, varied),
            size=size,
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
            teacher=teacher,
            **fields,
        )


def _check_teacher(teacher: TrainedPose, student: Predictor, size: int) -> None:
    """Raises InputError unless the teacher's maps are of the student's joints, cells and peaks."""
    peak, own_peak = (
        DECODE_STYLES[style].cell_point for style in (teacher.decode_style, student.decode_style)
    )
    for what, given, own in (
        ("joints", list(teacher.joint_set.joints), list(student.joint_set.joints)),
        ("pixels of a crop's side", teacher.size, size),
        ("place of a peak in its cell", peak, own_peak),
    ):
        if given != own:
            raise InputError(
                f"the teacher {teacher.origin} has other {what} than the network to be trained: "
                f"{given} and {own}; give one with the same"
            )
