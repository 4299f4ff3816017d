"""Another paper's pose network: trained with a teacher, measured and used by the same commands."""

import dataclasses
import functools
import json
import types

import chex
import jax
import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.checkpoints.export import Export, read_export, write_export
from jaxrepro.core.errors import InputError
from jaxrepro.core.seeds import SeedsTask
from jaxrepro.data.pose.joint_sets import LSP, MPII, JointSet
from jaxrepro.losses.heat_map_error import MAP_WEIGHTS, heat_map_error
from jaxrepro.nn.blocks.stacked_hourglass import StackedHourglass
from jaxrepro.tasks.pose import evaluate, predict
from jaxrepro.tasks.pose.inference.predictor import network_input
from jaxrepro.tasks.pose.inference.trained_pose import TrainedPose, load_pose, pose_from_card
from jaxrepro.tasks.pose.task import TEACHER, PoseEstimation
from tests import runs
from tests.runs import call, leaves_of
from tests.tasks.pose.tiny_pose import NETWORKS, tiny_task


class Distilled(PoseEstimation):
    """Half of the loss compares with the maps of a larger network."""

    def map_loss(self, scores, targets, batch, step):
        """The mean of the usual loss and that against the teacher's maps."""
        value, logs = super().map_loss(scores, targets, batch, step)
        counted = (targets.drawn, targets.visible, MAP_WEIGHTS[self.weights])
        distilled = heat_map_error(scores, batch[TEACHER], *counted).sum()
        return (value + distilled) / 2, {**logs, "loss/distilled": distilled}


def teacher(**changes):
    module = StackedHourglass(2, 8, depth=1)
    untrained = TrainedPose(
        module=module,
        variables={},
        joint_set=MPII,
        size=32,
        mean="mpii",
        padding=None,
        decode_style="torch",
        origin="runs/teacher",
    )
    rng = np.random.default_rng(0)
    values = jax.tree.map(
        lambda x: np.asarray(rng.uniform(0.02, 0.2, x.shape), np.float32), untrained.shapes()
    )
    return dataclasses.replace(untrained, variables=values, **changes)


def test_a_teacher_is_seen_and_never_changed():
    task = tiny_task(Distilled, teacher())
    state = runs.first_state(task.init, jax.random.key(0))
    before = leaves_of(state)
    step = jax.jit(chex.assert_max_traces(task.train_step, n=1))
    batches = task.train_data(0, 0, 1)
    batch = next(batches)

    @jax.jit
    def by_hand(variables, batch):
        net = state.nets["model"].variables
        own, _ = task.module.apply(
            net, network_input(batch["image"], "none"), train=True, mutable=["batch_stats"]
        )
        module = task.teacher.module
        seen = module.apply(variables, network_input(batch["image"], "mpii"), train=False)
        return ((own - seen[-1]) ** 2).mean(axis=(1, 2, 3, 4)).sum()

    expected = by_hand(task.teacher.variables, batch)
    state, logs = step(state, batch)
    np.testing.assert_allclose(logs["loss/distilled"], expected, rtol=1e-4)
    state, _ = step(state, next(batches))
    batches.close()
    after = leaves_of(state)
    assert before.keys() == after.keys()
    kept = [name for name in before if name.startswith("nets/teacher/")]
    assert len(kept) == len(jax.tree.leaves(task.teacher.variables))
    for name in kept:
        np.testing.assert_array_equal(before[name], after[name])
    trained = [name for name in before if name.startswith("nets/model/params/")]
    assert [name for name in trained if np.array_equal(before[name], after[name])] == []
    assert set(task.export(state)) == {"model"}
    assert jax.tree.leaves(state.nets[TEACHER].opt_state) == []


def test_several_seeds_have_teachers_of_their_own():
    task = SeedsTask((tiny_task(Distilled, teacher()),) * 2, (0, 1))
    state = jax.eval_shape(task.init, jax.random.key(0))
    batch = {k: jax.ShapeDtypeStruct(s.shape, s.dtype) for k, s in task.batch_spec.items()}
    after, logs = jax.eval_shape(task.train_step, state, batch)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, state)
    assert "loss/distilled/seed1" in logs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joint_set": LSP}, "teacher runs/teacher has other joints than"),
        ({"size": 64}, "has other pixels of a crop's side than .* 64 and 32"),
        ({"decode_style": "hrnet"}, "has other place of a peak in its cell"),
    ],
)
def test_teachers_of_other_maps_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        tiny_task(Distilled, teacher(**changes))


@pytest.fixture
def network(tmp_path, monkeypatch):
    """The flag that names what was trained."""
    monkeypatch.chdir(tmp_path)
    task = tiny_task(Distilled, teacher())
    state = runs.first_state(task.init, jax.random.key(0))
    card = json.loads(json.dumps(task.model_card()))
    assert card["paper"] == "example"
    write_export(tmp_path / "net", Export(card, jax.device_get(task.export(state))))
    return "--model=net"


def verb(module):
    """A paper's verb, without its file."""
    return types.SimpleNamespace(
        __name__=module.__name__,
        define_flags=module.define_flags,
        main=lambda args: module.main(args, functools.partial(load_pose, networks=NETWORKS)),
    )


def test_the_verbs_use_it(network, tmp_path):
    Image.new("RGB", (40, 30), (90, 60, 30)).save("a.png")
    call(verb(predict), "a.png", network, "--output=out")
    found = json.loads((tmp_path / "out/a.json").read_text())
    assert set(found["people"][0]["joints"]) == set(MPII.joints)
    assert found["network"]["origin"] == "export net"
    call(verb(evaluate), network, "--people=figures", "--split=test", "--output=scores")
    record = json.loads((tmp_path / "scores/scores.json").read_text())
    assert record["num_people"] == 250
    assert record["predictions"][0]["scores"]["pckh"]["means"]["0.5/14_joints/below"]["mean"] >= 0


def test_a_card_keeps_the_joints_of_the_users_own_and_their_pairs(network, tmp_path):
    card = read_export(tmp_path / "net").card
    assert card["joint_set"]["flip_pairs"][0] == ["right_ankle", "left_ankle"]
    assert pose_from_card(card, "a test", NETWORKS).joint_set == MPII
    older = {k: v for k, v in card["joint_set"].items() if k != "flip_pairs"}
    assert pose_from_card({**card, "joint_set": older}, "a test", NETWORKS).joint_set == MPII
    mine = JointSet("mine", ("nose", "l toe", "r toe", "left", "tip"), (("nose", "tip"),))
    mine = mine.with_pairs(["l toe:r toe", "left:tip"])
    described = {
        "name": "mine",
        "joints": list(mine.joints),
        "bones": [["nose", "tip"]],
        "flip_pairs": [["l toe", "r toe"], ["left", "tip"]],
    }
    changes = {"joint_set": described, "network": {**card["network"], "num_joints": 5}}
    assert pose_from_card({**card, **changes}, "a test", NETWORKS).joint_set == mine
    described["flip_pairs"] = []
    found = pose_from_card({**card, **changes}, "a test", NETWORKS).joint_set
    assert found.flip_pairs == () and found.unpaired == mine.joints


def test_cards_of_other_networks_are_refused(network, tmp_path):
    export = read_export(tmp_path / "net")
    for changes, message in (
        ({"joint_set": None}, "known are mpii, lsp, coco"),
        ({"network": {**export.card["network"], "name": "pyranet"}}, "this paper has hourglass"),
        ({"network": {**export.card["network"], "wide_stem": 1}}, "hourglass has wide_stem=1"),
    ):
        with pytest.raises(InputError, match=message):
            pose_from_card({**export.card, **changes}, "a test", NETWORKS)
    nose = {"name": "mine", "joints": ["nose", "l toe", "r toe"], "bones": []}
    for described in (
        {**nose, "joints": ["nose", "nose"]},
        {**nose, "joints": "nose"},
        {**nose, "bones": [["nose", "ear"]]},
        {**nose, "bones": None},
        {**nose, "flip_pairs": [["nose"]]},
    ):
        with pytest.raises(InputError, match="joint_set=.*and any other with its joints, bones"):
            pose_from_card({**export.card, "joint_set": described}, "a test", NETWORKS)
    with pytest.raises(InputError, match="flip_pairs: 'nose:ear' given"):
        described = {**nose, "flip_pairs": [["nose", "ear"]]}
        pose_from_card({**export.card, "joint_set": described}, "a test", NETWORKS)
    others = dataclasses.replace(NETWORKS, paper="other")
    with pytest.raises(InputError, match="no trained network of other: it is an export of example"):
        load_pose(network.partition("=")[2], others)
