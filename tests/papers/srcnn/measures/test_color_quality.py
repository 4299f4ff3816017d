"""Decibels of colour: the measures, the evaluator, the table and its command."""

import json
import math

import jax
import numpy as np
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.devices.mesh import make_mesh
from jaxrepro.core.devices.partition import state_shardings
from jaxrepro.core.errors import InputError
from jaxrepro.core.evaluation import Evaluation
from jaxrepro.data.sets.pictures import open_pictures
from jaxrepro.papers import make_task
from jaxrepro.papers.srcnn import colors
from jaxrepro.papers.srcnn.measures.color_quality import (
    MEASURES,
    color_measures,
    luma_measures,
)
from jaxrepro.papers.srcnn.measures.protocol import published_measures
from jaxrepro.papers.srcnn.network.borders import replicate
from jaxrepro.papers.srcnn.network.model import SRCNN
from jaxrepro.papers.srcnn.pairs.degraded import degraded_pictures
from jaxrepro.papers.srcnn.pairs.planes import has_color
from jaxrepro.papers.srcnn.tables.color_table import color_table
from jaxrepro.papers.srcnn.trained import Trained, load_trained
from tests import runs
from tests.papers.srcnn.tiny_color import tiny_config, write_pictures


def decibel(mean_squared_error):
    return 10 * math.log10(255**2 / mean_squared_error)


def constant(values, side=8):
    return np.full((side, side, 3), values, np.uint8)


def test_the_measures_of_planes_by_hand():
    # R, G, B = 100 is Y, Cb, Cr = 102, 128, 128. Errors of 1, 2, 3; back in R, G, B:
    # 1.164 (103 - 16) = 101.3 + 1.596 * 3 for red, - 0.392 * 2 - 0.813 * 3 for green, and
    # + 2.017 * 2 for blue: 106, 98, 105.
    truth = constant(100)
    output = constant((103, 130, 131)) / 255
    output[:2] = 0  # Within what is cut off.
    measures = color_measures(output, truth, "ycbcr", shave=2)
    expected = [1, 4, 9, (1 + 4 + 9) / 3, (6**2 + 2**2 + 5**2) / 3]
    assert list(measures) == list(MEASURES)
    np.testing.assert_allclose(list(measures.values()), [decibel(e) for e in expected])


def test_the_measures_of_an_rgb_network_by_hand():
    # 101, 102, 103 is Y, Cb, Cr = 103.44, 128.59, 127.49: rounded, each is 1 from the truth.
    measures = color_measures(constant((101, 102, 103)) / 255, constant(100), "rgb", shave=1)
    expected = [1, 1, 1, 1, (1 + 4 + 9) / 3]
    np.testing.assert_allclose(list(measures.values()), [decibel(e) for e in expected])


def test_a_plane_without_error_is_infinite_and_a_grey_picture_has_no_color():
    assert color_measures(constant(7) / 255, constant(7), "rgb", 1)["psnr_cb"] == math.inf
    with pytest.raises(InputError, match="8x8 pixels has none left when 4 are shaved"):
        color_measures(constant(7) / 255, constant(7), "rgb", 4)
    assert not has_color(constant(100))
    assert not has_color(np.zeros((4, 4, 1), np.uint8))
    assert has_color(constant((1, 1, 2)))


@pytest.mark.parametrize("color", ["rgb", "ycbcr"])
def test_a_grey_picture_is_measured_in_its_own_range(color):
    grey = np.random.default_rng(0).integers(0, 250, (16, 16, 1), np.uint8)
    rgb = np.repeat(grey + 4, 3, axis=-1) / 255
    matrix = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112], [112, -93.786, -18.214]])
    planes = rgb if color == "rgb" else (rgb @ matrix.T + [16, 128, 128]) / 255
    # Y is in steps of 1.16 grey levels.
    assert luma_measures(planes, grey, color, 2)["psnr"] == pytest.approx(
        decibel(16), abs=0.01 if color == "rgb" else 0.3
    )


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("mixed"), colored=2, grey=1, side=24)


@pytest.mark.parametrize("color", ["ycbcr", "rgb"])
def test_the_evaluator_measures_whole_pictures(pictures, color):
    # A batch that does not divide over the 8 devices.
    task = make_task(Settings(tiny_config(pictures, color, **{"eval.batch_size": 6})))
    state = jax.jit(task.init)(jax.random.key(0))
    mesh = make_mesh()
    evaluators = task.evaluators()
    evaluation = Evaluation(evaluators, mesh, state_shardings(state, (), mesh))
    results = evaluation.run(list(evaluators), state)

    apply = jax.jit(lambda x: task.module.apply(state.nets["model"].variables, x, replicate))
    colored, luma = [], []
    shown = open_pictures(pictures)
    for number, picture in enumerate(degraded_pictures(pictures, "matlab-bicubic", 2, color)):
        truth = shown.read(number)
        planes = np.asarray(apply(picture.enlarged[None])[0])
        luma.append(luma_measures(planes, truth, color, 2))
        if number < 2:
            colored.append(color_measures(planes, truth, color, 2))
            assert luma[-1]["psnr"] == colored[-1]["psnr_y"]
    label = shown.label
    expected = {f"{label}/{k}": np.mean([row[k] for row in colored]) for k in MEASURES} | {
        f"{label}/{k}": np.mean([row[k] for row in luma]) for k in ("psnr", "ssim")
    }
    own = {
        name
        for name in results
        if name.startswith(f"{label}/") and not name.endswith(("_bicubic", "_linear"))
    }
    assert own == expected.keys()
    for name, value in expected.items():
        assert results[name] == pytest.approx(value, abs=1e-3), name


def identity(color):
    """A network that gives back its input."""
    channels = 1 if color == "y" else 3
    module = SRCNN((3, 1), (channels,), channels)
    centre = np.zeros((3, 3, channels, channels), np.float32)
    centre[1, 1] = np.eye(channels)
    zeros = np.zeros(channels, np.float32)
    params = {
        "extraction": {"kernel": centre, "bias": zeros},
        "reconstruction": {"kernel": centre[1:2, 1:2], "bias": zeros},
    }
    return Trained(module, {"params": params}, 2, color, "matlab-bicubic", color)


def test_networks_that_do_nothing_are_interpolation_in_the_table(pictures):
    networks = {color: identity(color) for color in ("y", "ycbcr", "rgb")}
    table = color_table(networks, pictures, "matlab-bicubic", 2)
    rows = {row.pop("name"): row for row in table["rows"]}
    assert rows["y"] == rows["ycbcr"] == rows["interpolated Y Cb Cr"]
    assert rows["rgb"] == rows["interpolated R G B"] != rows["y"]
    assert table["left_out"] == ["picture2"]
    one = degraded_pictures(pictures, "matlab-bicubic", 2, "ycbcr")[0]
    assert rows["y"]["pictures"][0]["psnr_y"] == pytest.approx(
        published_measures(one.enlarged[..., 0], one.truth[..., 0], 2)["psnr"]
    )


def test_the_command_prints_and_writes_the_table(pictures, tmp_path, capsys):
    output = tmp_path / "table.json"
    runs.call(colors, f"--data={pictures}", "--scale=2", f"--output={output}")
    written = json.loads(output.read_text())
    printed = capsys.readouterr().out
    assert "grey, left out: picture2" in printed
    assert f"{written['rows'][0]['psnr_pooled']:.3f}" in printed
    grey = write_pictures(tmp_path / "grey", colored=0, grey=1)
    for arguments, message in (
        ([], "no pictures given"),
        ([f"--data={grey}"], "holds grey pictures only"),
        ([f"--data={pictures}", "--degradation=jpeg"], "--degradation=jpeg given; allowed: "),
        ([f"--data={pictures}", "--model=nowhere"], "nowhere is no trained network of srcnn"),
    ):
        with pytest.raises(InputError, match=message):
            runs.call(colors, *arguments)


def test_the_papers_rows_of_interpolation_and_of_luma_alone(data_folder):
    root = data_folder / "data" / "sr"
    trained = load_trained(root / "official_weights" / "9-1-5(91 images)" / "x3.mat", 3)
    table = color_table({"y": trained}, f"folder:{root / 'Set5'}", "matlab-bicubic", 3)
    measured = [[row[name] for name in MEASURES] for row in table["rows"]]
    expected = [
        [30.392, 45.449, 45.416, 34.567, 28.61],
        [30.390, 45.199, 45.205, 34.558, 28.63],
        [32.390, 45.449, 45.416, 36.366, 30.39],
    ]
    np.testing.assert_allclose(measured, expected, atol=0.002)
