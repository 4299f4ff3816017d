"""The pictures of a run's page, and the figures beside the network's."""

import numpy as np
import pytest

from jaxrepro.core.state import Net, TrainState
from jaxrepro.core.task import Every
from jaxrepro.data.formats.ycbcr import to_uint8
from jaxrepro.metrics.pictures.image_quality import psnr
from jaxrepro.papers.srcnn.measures import linear_filter
from jaxrepro.papers.srcnn.measures.baselines import WithBaselines, baseline_measures
from jaxrepro.papers.srcnn.measures.before_after import BeforeAfter, square_side, worst_place
from jaxrepro.papers.srcnn.measures.evaluators import Quality
from jaxrepro.papers.srcnn.measures.first_layer import FilterSheet, dead_filters, filter_sheet
from jaxrepro.papers.srcnn.network.borders import replicate
from jaxrepro.papers.srcnn.pairs.degraded import DegradedPicture, degraded_pictures
from tests.papers.srcnn.tiny_pictures import tiny_network, write_pictures


def state_of(variables):
    return TrainState(0, None, {"model": Net(variables["params"], {}, ())}, {})


def run(evaluator, state):
    acc = evaluator.init()
    for rows in evaluator.data(0, 1):
        out = evaluator.step(state, rows, None)
        acc = evaluator.merge(acc, {k: np.asarray(v)[rows["mask"]] for k, v in out.items()})
    return evaluator.finish(acc)


def test_filters_are_sorted_and_dead_ones_crossed_out():
    filters = np.zeros((3, 3, 3, 1), np.float32)
    filters[0, 0, 1] = 0.5
    filters[1, 1, 1], filters[1, 0, 1] = -2, 1
    filters[2, 2, 1] = 0.001
    assert dead_filters(filters).tolist() == [False, False, True]
    picture = filter_sheet(filters)
    # Cells of 48 pixels, 16 a weight, 2 between: the largest filter first.
    middle = {n: picture[2 + 8 :: 16, 2 + n * 50 + 8 : 2 + n * 50 + 48 : 16][:3] for n in range(3)}
    grey = 128
    expected = {
        0: [[grey, 191, grey], [grey, 0, grey], [grey, grey, grey]],
        1: [[grey, 255, grey], [grey, grey, grey], [grey, grey, grey]],
    }
    for number, values in expected.items():
        np.testing.assert_allclose(middle[number][..., 0], values, atol=1)
        assert (np.ptp(middle[number].astype(int), axis=-1) == 0).all()
    is_red = middle[2][..., 0].astype(int) - middle[2][..., 1] > 100
    np.testing.assert_array_equal(is_red, [[1, 0, 1], [0, 1, 0], [1, 0, 1]])


def test_planes_of_a_filter_stand_side_by_side():
    filters = np.zeros((6, 3, 3, 3), np.float32)
    filters[..., 2] = 1
    # 5 filters of 9 x 3 weights in a row, each weight 16 pixels wide; 2 rows.
    picture = filter_sheet(filters)
    assert picture.shape == (2 * 50 + 2, 5 * (9 * 16 + 2) + 2, 3)
    assert picture[10, 10, 0] == 128
    assert picture[10, 2 + 6 * 16 + 1, 0] == 255


def test_the_sheet_of_a_state_has_all_filters_of_its_first_layer():
    module, variables = tiny_network()
    results = run(FilterSheet(module, Every(0), 3), state_of(variables))
    filters = np.moveaxis(np.asarray(variables["params"]["extraction"]["kernel"]), -1, 0)
    np.testing.assert_array_equal(results["filters"].pixels, filter_sheet(filters))
    assert results["dead_filters"] == 0


@pytest.mark.parametrize(("scale", "side"), [(2, 48), (3, 48), (5, 45), (50, 50)])
def test_squares_are_a_multiple_of_the_scale(scale, side):
    assert square_side(scale) == side


@pytest.mark.parametrize(("grid", "place"), [(1, (5, 7)), (3, (2, 2))])
def test_the_worst_place_is_where_the_error_is(grid, place):
    truth = np.zeros((12, 15, 1), np.float32)
    enlarged = truth.copy()
    enlarged[5:8, 7:10] = 0.5
    enlarged[0, 0] = 0.9
    picture = DegradedPicture("p", truth, truth[::3, ::3], enlarged, "grey")
    assert worst_place(picture, 3, grid) == place
    # A square larger than the picture is the whole picture.
    assert worst_place(picture, 30, grid) == (0, 0)


@pytest.mark.parametrize("color", ["y", "ycbcr"])
def test_squares_show_interpolation_network_and_original(color, tmp_path):
    spec = write_pictures(tmp_path, sizes=((60, 66), (30, 75)))
    module, variables = tiny_network(3 if color == "ycbcr" else 1)
    evaluator = BeforeAfter(module, spec, "matlab-bicubic", 3, color, 48, Every(0), 3)
    picture = run(evaluator, state_of(variables))["squares"].pixels
    # Rows of 48 x 4 pixels, 4 between; the text at the left.
    assert picture.shape[0] == 2 * 196 + 4
    assert picture.shape[2] == (3 if color == "ycbcr" else 1)
    cells = [picture[4:196:4, picture.shape[1] - i * 196 :][:, :192:4] for i in (3, 2, 1)]
    if color == "y":
        prepared = degraded_pictures(spec, "matlab-bicubic", 3, "y")[0]
        top, left = worst_place(prepared, 48, 1)
        network = np.asarray(module.apply(variables, prepared.enlarged[None], replicate))[0]
        for cell, planes in zip(cells, (prepared.enlarged, network, prepared.truth), strict=True):
            expected = to_uint8(planes[top : top + 48, left : left + 48])
            assert np.abs(cell.astype(int) - expected).max() <= 1
        assert psnr(cells[0], cells[2]) < 40
    # The second picture has 30 of 48 rows: the rest is white.
    assert (picture[200 + 30 * 4 : 392, -196:-4] == 255).all()
    assert not (picture[200 : 200 + 30 * 4, -196:-4] == 255).all()


def test_results_have_bicubic_and_the_linear_filter_beside(tmp_path, monkeypatch):
    spec = write_pictures(tmp_path / "set5")
    training = write_pictures(tmp_path / "train", sizes=((40, 50),))
    module, variables = tiny_network()
    quality = Quality(module, spec, "matlab-bicubic", 2, "y", 16, Every(7), 4)
    evaluator = WithBaselines(quality, spec, training, "matlab-bicubic", 2)
    assert (evaluator.every, evaluator.batch_size) == (Every(7), 4)
    results = run(evaluator, state_of(variables))
    assert list(results) == [
        "psnr",
        "ssim",
        "psnr_bicubic",
        "ssim_bicubic",
        "psnr_linear",
        "ssim_linear",
    ]
    assert run(quality, state_of(variables)) == {k: results[k] for k in ("psnr", "ssim")}
    # By hand: rounded to 8 bits, 2 pixels off every side, mean over pictures.
    pictures = degraded_pictures(spec, "matlab-bicubic", 2, "y")
    filtered = linear_filter.linear_filter(training, "matlab-bicubic", 2)
    for name, method in (("bicubic", lambda plane: plane), ("linear", filtered)):
        decibels = [
            psnr(*(to_uint8(x)[2:-2, 2:-2] for x in (method(p.enlarged[..., 0]), p.truth[..., 0])))
            for p in pictures
        ]
        assert results[f"psnr_{name}"] == pytest.approx(np.mean(decibels), abs=1e-9)
    # A second evaluation fits nothing.
    before = baseline_measures.cache_info().misses
    monkeypatch.setattr(linear_filter, "fit_linear_filter", None)
    assert run(evaluator, state_of(variables)) == results
    assert baseline_measures.cache_info().misses == before
