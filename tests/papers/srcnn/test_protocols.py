"""One network under all protocols."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from jaxrepro.core.errors import InputError
from jaxrepro.data.sets.pictures import open_pictures
from jaxrepro.papers.srcnn import protocols
from jaxrepro.papers.srcnn.measures.protocol import published
from jaxrepro.papers.srcnn.network.borders import ZeroTileBorder, replicate, zero
from jaxrepro.papers.srcnn.network.model import SRCNN
from jaxrepro.papers.srcnn.network.tiles import TiledNetwork
from jaxrepro.papers.srcnn.pairs.degradation import MATLAB_BICUBIC
from jaxrepro.papers.srcnn.pairs.degraded import degrade
from jaxrepro.papers.srcnn.pairs.planes import grey_note, kind_of
from jaxrepro.papers.srcnn.tables.protocol_table import measure, protocol_rows
from jaxrepro.papers.srcnn.trained import Trained, load_trained
from tests import runs
from tests.runs import run

# PSNR of the bicubic or other input and of the 9-1-5 network (91 images), Set5, x3.
SET5 = {
    "published": (30.392, 32.390),
    "zero padding": (30.392, 28.455),
    "zero padding, shave 0": (30.396, 26.645),
    "shave 0": (30.396, 32.332),
    "valid": (30.412, 32.440),
    "8-bit low resolution": (30.388, 32.374),
    "opencv-cubic": (29.601, 26.981),
    "pillow-bicubic": (30.384, 32.330),
    "full-range luma": (29.081, None),
    "published on patches: pooled": (30.40, None),
    "published on patches: patches": (35.455, None),
    "article-literal: pooled": (31.18, None),
    "article-literal: pictures": (31.17, None),
    "article-literal: patches": (36.15, None),
    "article-literal: patches by picture": (34.30, None),
    "article-intended: pooled": (29.03, None),
    "article-intended: pictures": (29.05, None),
    "article-intended: patches": (34.02, None),
    "article-intended: patches by picture": (32.20, None),
}


def test_set5_under_all_protocols(data_folder):
    root = data_folder / "data" / "sr"
    trained = load_trained(root / "official_weights" / "9-1-5(91 images)" / "x3.mat", 3)
    rows = protocol_rows(3, trained.module.margin)
    # Without its compiler's optimisations, as tests run, XLA takes a minute for float64.
    rows = [row for row in rows if row.name != "float64"]
    pictures = open_pictures(f"folder:{root / 'Set5'}")
    results = measure(trained, pictures, [row.protocol for row in rows])
    found = {row.name: result for row, result in zip(rows, results, strict=True)}
    for name, (before, after) in SET5.items():
        assert found[name].input_psnr == pytest.approx(before, abs=0.005), name
        if after is not None:
            assert found[name].model_psnr == pytest.approx(after, abs=0.005), name
    assert found["published"].num == 5
    assert found["article-literal: patches"].num == 2488
    words = protocols.conclusion(rows, results)
    assert "36.15 dB as a mean over patches (34.02 dB for what it intended)" in words
    assert "different tasks" in words


@pytest.fixture(scope="module")
def trained():
    module = SRCNN((3, 1, 3), (4, 3), kernel_init=jax.nn.initializers.he_normal())
    params = runs.initialised(module, jax.random.key(0), jnp.zeros((1, 9, 9, 1)))["params"]
    params = jax.tree.map(lambda x: x + 0.05, params)
    return Trained(module, {"params": params}, 2, "y", "matlab-bicubic", "a test")


def test_tiles_with_zeros_are_the_picture_with_zeros(trained):
    x = np.random.default_rng(0).random((13, 10, 1), np.float32)
    tiled = TiledNetwork(trained.module, trained.variables, side=6, border=ZeroTileBorder)
    expected = trained.module.apply(trained.variables, x[None], zero)[0]
    np.testing.assert_allclose(tiled(x), expected, atol=1e-6)


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    place = tmp_path / "pictures"
    place.mkdir()
    for name, shape in (("grey", (49, 50)), ("colour", (34, 35, 3))):
        Image.fromarray(generator.integers(0, 256, shape, dtype=np.uint8)).save(
            place / f"{name}.png"
        )
    return place


def test_float64_is_float64(trained, folder):
    pixels = open_pictures(f"folder:{folder}").read(0)
    picture = degrade(pixels, "colour", MATLAB_BICUBIC, 2, "y", dtype=np.float64)
    with jax.enable_x64(True):
        tiled = TiledNetwork(trained.module, trained.variables, side=40)(picture.enlarged)
        expected = trained.module.apply(trained.variables, picture.enlarged[None], replicate)[0]
    assert tiled.dtype == np.float64
    np.testing.assert_allclose(tiled, expected, atol=1e-13)


def test_each_protocol_measures_what_it_says(trained, folder):
    pictures = open_pictures(f"folder:{folder}")
    rows = protocol_rows(2, trained.module.margin)
    names = [row.name for row in rows]
    assert not any("article" in name for name in names)  # It is of x3.
    seen = []
    results = measure(trained, pictures, [row.protocol for row in rows], seen.append)
    assert seen == ["colour", "grey"]
    # By hand, without tiles.
    errors = []
    for number, name in enumerate(pictures.names):
        picture = degrade(pictures.read(number), name, MATLAB_BICUBIC, 2, "y")
        out = trained.module.apply(trained.variables, picture.enlarged[None], zero)
        errors.append(published(2).errors(np.asarray(out), picture.truth[None]))
    expected = published(2).psnr(errors, [1, 1]).mean
    assert results[names.index("zero padding")].model_psnr == pytest.approx(expected, abs=1e-3)
    double = results[names.index("float64")]
    assert double.model_psnr == pytest.approx(results[0].model_psnr, abs=0.01)
    # 48x50 and 34x34 pixels hold 2 x 2 and 1 x 1 patches.
    assert results[names.index("published on patches: pooled")].num == 5
    words = protocols.conclusion(rows, results)
    assert "left out" in words


def test_rows_show_what_the_range_of_grey_pictures_changes(trained, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (34, 35), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    Image.fromarray(np.repeat(pixels[..., None], 3, 2)).save(tmp_path / "stored.png")
    rows = {row.name: row.protocol for row in protocol_rows(2, trained.module.margin)}
    names = ("published", "grey in 16..235", "grey in 0..255")
    pictures = open_pictures(f"folder:{tmp_path}")
    results = measure(trained, pictures, [rows[name] for name in names])
    mixed, narrow, wide = (result.input_psnr for result in results)
    # All the same picture: in 219 of 255 levels its errors are smaller by that factor.
    assert narrow - wide == pytest.approx(20 * math.log10(255 / 219), abs=0.02)
    assert mixed == pytest.approx((narrow + wide) / 2)
    kinds = {name: kind_of(pictures.read(i)) for i, name in enumerate(pictures.names)}
    assert grey_note(kinds, "studio") == (
        "1 of 2 pictures is grey: luma in 0..255 (grey); "
        "1 of 2 pictures is grey but stored in colour: luma in 16..235 (stored)"
    )
    assert grey_note(kinds, "full") == grey_note({"a": "colour"}, "studio") == ""


def test_networks_without_an_input_of_their_size(trained, folder):
    pictures = open_pictures(f"folder:{folder}")
    colour = Trained(trained.module, trained.variables, 2, "rgb", "matlab-bicubic", "a test")
    with pytest.raises(InputError, match="takes color=rgb"):
        measure(colour, pictures, [published(2)])
    Image.fromarray(np.zeros((4, 60), np.uint8)).save(folder / "strip.png")
    with pytest.raises(InputError, match=r"strip: a picture of 60x4 pixels has none left"):
        measure(trained, open_pictures(f"folder:{folder}"), [published(2)])


def test_the_command(folder, tmp_path):
    generator = np.random.default_rng(0)
    shapes = {"conv1": (9, 4), "conv2": (4, 1, 3), "conv3": (3, 9)}
    arrays = {f"weights_{name}": 0.1 * generator.standard_normal(s) for name, s in shapes.items()}
    arrays |= {f"biases_conv{i + 1}": np.zeros((n, 1)) for i, n in enumerate((4, 3, 1))}
    savemat(tmp_path / "x3.mat", arrays)
    output = tmp_path / "table.json"
    done = run(
        "jaxrepro.papers.srcnn.protocols",
        f"--model={tmp_path / 'x3.mat'}",
        f"--data={folder}",
        "--scale=3",
        f"--output={output}",
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(output.read_text())
    assert len(record["rows"]) == len(protocol_rows(3, 2))
    for row in record["rows"]:
        assert f"{row['name']} " in done.stdout
        assert row["sentence"] in done.stdout
        assert f"{row['input_psnr']:.3f}" in done.stdout
        assert row["protocol"]["scale"] == 3
    assert record["rows"][0]["change"] == 0
    assert record["conclusion"] in done.stdout
    assert "measure different tasks" in record["conclusion"]


def test_the_command_without_its_flags():
    done = run("jaxrepro.papers.srcnn.protocols")
    assert done.returncode == 1
    assert done.stderr.startswith("error: give a trained network, such as --model=")
