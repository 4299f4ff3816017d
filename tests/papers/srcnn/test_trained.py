"""Trained networks as files: what is taken, and what of foreign or damaged ones is said."""

import chex
import numpy as np
import pytest
from scipy.io import savemat

from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.checkpoints.export import Export, write_export
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place
from jaxrepro.core.run.workdir import MODEL_CARD, write_json
from jaxrepro.papers.srcnn.evaluate import weight_files
from jaxrepro.papers.srcnn.network.model import ESPCN
from jaxrepro.papers.srcnn.network.networks import network_card
from jaxrepro.papers.srcnn.trained import load_trained
from tests.papers.srcnn.tiny_pictures import tiny_network


def card_of(module, **changes):
    card = {"paper": "srcnn", "network": network_card(module), "scale": 3, "color": "y"}
    return card | {"degradation": "matlab-bicubic"} | changes


def test_an_export_is_taken_with_what_its_card_says(tmp_path):
    module, variables = tiny_network(3)
    card = card_of(module, color="rgb", degradation="gauss-bicubic")
    write_export(tmp_path / "net", Export(card, {"model": variables}))
    trained = load_trained(tmp_path / "net", 3)
    assert (trained.scale, trained.color, trained.degradation) == (3, "rgb", "gauss-bicubic")
    chex.assert_trees_all_equal(trained.variables, variables)


def test_a_run_in_a_store_is_taken(tmp_path, store):
    module, variables = tiny_network()
    workdir = place("s3://bucket/net")
    with Checkpoints(workdir) as checkpoints:
        checkpoints.save(7, {"nets": {"model": variables}}, wait=True)
    write_json(workdir / MODEL_CARD, card_of(module))
    (path,) = weight_files("s3://bucket/net", None)
    trained = load_trained(path, 3)
    assert trained.origin == "step 7 of s3://bucket/net"
    chex.assert_trees_all_equal(trained.variables, variables)
    with pytest.raises(InputError, match="step 7 of s3://bucket/net enlarges by 3, not by 2"):
        load_trained(path, 2)
    with pytest.raises(
        InputError, match="s3://bucket/other is no trained network of srcnn: there is"
    ):
        load_trained("s3://bucket/other")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"paper": "biggan", "network": None},
            "net is no trained network of srcnn: it is an? (run|export) of biggan; give the folder",
        ),
        ({"network": {"name": "srcnn"}}, "card's network has kernels=None"),
        ({"scale": "3"}, "its model card has scale='3'"),
        ({"scale": 1}, "its model card has scale=1"),
        ({"network": network_card(ESPCN(scale=2))}, "has scale=3 for a network that enlarges by 2"),
        ({"color": "rgb"}, "has color='rgb' for a network of 1 channels; it can be y, ycbcr, rgb"),
        ({"color": None}, "has color=None"),
        ({"degradation": "blur"}, "has degradation='blur'; it can be matlab-bicubic, gauss"),
    ],
)
@pytest.mark.parametrize("kind", ["export", "workdir"])
def test_a_card_that_is_not_of_this_paper_is_one_clear_error(tmp_path, kind, changes, message):
    module, variables = tiny_network()
    place = tmp_path / "net"
    if kind == "export":
        write_export(place, Export(card_of(module, **changes), {"model": variables}))
    else:
        write_json(place / MODEL_CARD, card_of(module, **changes))
    with pytest.raises(InputError, match=message):
        load_trained(place)


def test_what_is_no_network_is_said(tmp_path):
    with pytest.raises(InputError, match=r"x3.mat is no trained .*: there is nothing of that"):
        load_trained(tmp_path / "x3.mat", 3)
    (tmp_path / "x3.mat").write_bytes(b"MATLAB 5.0 MAT-file, cut off")
    with pytest.raises(InputError, match="does not say its scale"):
        load_trained(tmp_path / "x3.mat")
    with pytest.raises(InputError, match=r"cannot read .*x3.mat as a MATLAB file"):
        load_trained(tmp_path / "x3.mat", 3)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"notes.txt is no trained network .* ends in '.txt'"):
        load_trained(tmp_path / "notes.txt")
    write_json(tmp_path / "new" / MODEL_CARD, card_of(tiny_network()[0]))
    with pytest.raises(InputError, match="no checkpoints? in .*new"):
        load_trained(tmp_path / "new")


def write_mat(path, shapes, value=1.0):
    arrays = {f"weights_conv{i}": np.full(shape, value) for i, shape in shapes.items()}
    arrays |= {f"biases_conv{i}": np.zeros((n, 1)) for i, n in ((1, 4), (2, 2), (3, 1))}
    savemat(path, arrays)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({1: (9, 4), 2: (4, 1, 2)}, "'weights_conv3'; it has"),
        ({1: (9, 4), 2: (4, 3, 2), 3: (2, 9)}, "cannot reshape"),
        ({1: (16, 4), 2: (4, 1, 2), 3: (2, 9)}, "of sides 4, 1, 3"),
    ],
)
def test_arrays_of_another_network_are_said(tmp_path, shapes, message):
    write_mat(tmp_path / "x3.mat", shapes)
    with pytest.raises(InputError, match=f"holds no SRCNN of the authors' release: .*{message}"):
        load_trained(tmp_path / "x3.mat", 3)


@pytest.mark.parametrize("value", [np.nan, 1e300])
def test_weights_that_are_not_finite_are_said(tmp_path, value):
    write_mat(tmp_path / "x3.mat", {1: (9, 4), 2: (4, 1, 2), 3: (2, 9)}, value)
    with pytest.raises(InputError, match="numbers that are not finite in float32"):
        load_trained(tmp_path / "x3.mat", 3)
