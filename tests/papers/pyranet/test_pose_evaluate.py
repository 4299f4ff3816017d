"""The command that measures pose networks, and the networks that it takes."""

import csv
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.io import loadmat

from jaxrepro.core.checkpoints.export import Export, write_export
from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.joint_sets import LSP, MPII
from jaxrepro.data.pose.pose_crop import JOINT_BOX_PADDING, MPII_PADDING
from jaxrepro.nn.blocks.stacked_hourglass import StackedHourglass
from jaxrepro.papers.pyranet import evaluate
from jaxrepro.papers.pyranet.network.networks import network_card
from jaxrepro.papers.pyranet.trained import load_trained
from tests import runs
from tests.data.pose import pose_files
from tests.pytorch_hourglass import state_dict
from tests.runs import call


def card_of(module, **changes):
    joint_set = {"name": "mpii", "joints": list(MPII.joints), "bones": []}
    return {
        "paper": "pyranet",
        "network": network_card(module),
        "joint_set": joint_set,
        "size": 16,
        "mean": "none",
        "padding": {"enlarged": 1.25, "moved_down": 0.0},
        "decode": "torch",
        **changes,
    }


def variables_of(module, size=16):
    return dict(
        runs.initialised(module, jax.random.key(0), jnp.zeros((1, size, size, 3)), train=False)
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    module = StackedHourglass(2, 8, depth=1)
    shapes = jax.eval_shape(lambda: variables_of(module))
    rng = np.random.default_rng(0)
    variables = jax.tree.map(lambda x: np.asarray(rng.uniform(0.1, 1, x.shape), np.float32), shapes)
    write_export(folder / "tiny", Export(card_of(module), {"model": variables}))
    pose_files.write_release(folder / "release.mat")
    for name in ("a.jpg", "c.jpg"):
        pose_files.write_picture(folder / name)
    return folder


def test_command_measures_writes_and_exports(files, capsys):
    out = files / "out"
    call(
        evaluate,
        f"--model={files / 'tiny'}",
        f"--people=mpii:{files / 'release.mat'}",
        "--split=train",
        "--train_split=2-2",
        "--flip",
        "--stacks=1",
        "--worst=1",
        f"--output={out}",
        f"--export={out / 'joints.csv'},{out / 'submission.mat'}",
    )
    text = capsys.readouterr().out
    assert "stack 1 of 2; crops of 16 pixels, 1.25 times the person" in text
    assert "PCKh, in heads" in text and "16 labels <=" in text
    record = json.loads((out / "scores.json").read_text())
    predictions = {one["name"]: one for one in record["predictions"]}
    assert list(predictions) == [
        "plain",
        "plain, whole pixels",
        "flip",
        "flip, whole pixels",
        "mean pose",
        "nearest neighbour",
    ]
    protocol = predictions["flip, whole pixels"]["protocol"]
    assert protocol["flip"] and protocol["truncate"] and protocol["stack"] == 1
    # The second person is everybody's neighbour, their own too.
    nearest = predictions["nearest neighbour"]["scores"]["pckh"]
    assert nearest["means"]["0.5/14_joints/below"]["mean"] > 40
    assert record["num_people"] == 2 and record["weights"] == "as published"
    with open(out / "joints.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 16
    release = loadmat(out / "submission.mat", struct_as_record=False, squeeze_me=True)["RELEASE"]
    first = release.annolist[0].annorect[0].annopoints.point
    assert first[0].x == pytest.approx(float(rows[0]["x"]), abs=1e-3)
    assert (out / "worst_people.png").stat().st_size > 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a trained network, such as --model="),
        (["--model=TINY"], "no people given"),
        (["--model=a", "--train_split=1-2"], "--train_split are of --people"),
        (["--model=a.npz", "--people=figures", "--export=a.txt"], "a file ends in .mat, .json"),
        (["--model=a.npz", "--people=figures", "--export=a.mat"], "give that, --release"),
        (["--model=a.npz", "--people=figures", "--num_draws=2"], "--windows=averaged only"),
        (["--model=a.npz", "--people=figures", "--train_people=figures"], "--train_split; give"),
        (["--model=a.npz", "--people=figures", "--shift"], "--shift is of use with --flip only"),
        (["--model=TINY", "--people=figures", "--average"], "a moving average, or none, is chosen"),
        (
            ["--model=absent", "--people=figures"],
            "absent is no trained network of pyranet",
        ),
        (["--model=TINY", "--people=figures", "--size=20"], "give a multiple of 8"),
        (["--model=TINY", "--people=figures", "--decode=soft"], "allowed are torch, pytorch"),
        (["--model=TINY", "--people=figures", "--decode=hrnet"], "tiny was trained for torch"),
        (["--model=TINY", "--people=figures", "--split=test", "--export=a.json"], "coco:FILE"),
        (["--model=TINY", "--people=figures", "--split=test", "--stacks=3"], "network has 2"),
    ],
)
def test_errors_come_before_any_measurement(files, arguments, message):
    given = [word.replace("TINY", str(files / "tiny")) for word in arguments]
    with pytest.raises(InputError, match=message):
        call(evaluate, *given)


def test_published_checkpoints_say_nothing_of_pictures(tmp_path):
    for num_joints, joint_set, mean in ((16, MPII, "mpii"), (14, LSP, "lsp")):
        np.savez(tmp_path / "weights.npz", **state_dict(32, 1, 1, num_joints))
        trained = load_trained(tmp_path / "weights.npz")
        assert (trained.joint_set, trained.mean, trained.size) == (joint_set, mean, 256)
        assert trained.module.features == 32 and trained.decode_style == "pytorch_pose"
        # Nor of the targets: those of the other code with such checkpoints were HRNet's.
        assert trained.decoded_as("hrnet").predictor().decode_style == "hrnet"
        assert trained.padding_for("mpii:valid.h5") == MPII_PADDING
        assert trained.padding_for("lspet:DIR") == JOINT_BOX_PADDING
    np.savez(tmp_path / "weights.npz", **state_dict(32, 1, 1, 5))
    with pytest.raises(InputError, match="maps for 5 joints; known are 16"):
        load_trained(tmp_path / "weights.npz")
    with pytest.raises(InputError, match="step 3 .* which is not the folder of a run"):
        load_trained(tmp_path / "weights.npz", 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"paper": "srcnn"}, "it is an export of srcnn; give the folder of a run of pyranet"),
        ({"joint_set": {"name": "mpii", "joints": ["nose"]}}, "known are mpii, lsp, coco"),
        ({"joint_set": {"name": "lsp", "joints": list(LSP.joints)}}, "16 maps for the 14 joints"),
        ({"padding": {"enlarged": "1"}}, "has padding="),
        ({"mean": "red"}, "it can be none, mpii, lsp"),
        ({"size": 20}, "must be a multiple of 8"),
    ],
)
def test_model_cards_are_not_believed(tmp_path, changes, message):
    module = StackedHourglass(1, 8, depth=1)
    write_export(tmp_path / "e", Export(card_of(module, **changes), {"model": {}}))
    with pytest.raises(InputError, match=message):
        load_trained(tmp_path / "e")


def test_arrays_must_be_those_of_the_card(tmp_path):
    module = StackedHourglass(1, 8, depth=1)
    arrays = {"params": {"x": np.zeros(2, np.float32)}}
    write_export(tmp_path / "e", Export(card_of(module), {"model": arrays}))
    with pytest.raises(InputError, match="the arrays are not those of its model card"):
        load_trained(tmp_path / "e")
