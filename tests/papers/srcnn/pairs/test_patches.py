import numpy as np
import pytest
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.data.sets.pictures import open_pictures
from jaxrepro.papers.srcnn.pairs.degradation import ARTICLE_INTENDED, DEGRADATIONS, MATLAB_BICUBIC
from jaxrepro.papers.srcnn.pairs.degraded import degrade, degraded_patches
from jaxrepro.papers.srcnn.pairs.patches import Patches, PatchSpec, training_patches
from jaxrepro.papers.srcnn.pairs.planes import rescaled, to_planes


@pytest.fixture
def pictures(tmp_path):
    generator = np.random.default_rng(0)
    for name, shape in (("a", (20, 25)), ("b", (14, 9, 3))):
        pixels = generator.integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    return open_pictures(f"folder:{tmp_path}")


def test_whole_pictures_are_degraded_and_then_cut(pictures):
    patches = Patches(pictures, MATLAB_BICUBIC, PatchSpec(9, 5, 2, 1), scale=3, color="y")
    # 18x24 pixels after cropping: places 0, 5 down and 0, 5, 10, 15 across; 12x9: one.
    assert len(patches) == 2 * 4 + 1
    picture = degrade(pictures.read(0), "a", MATLAB_BICUBIC, 3, "y")
    item = patches[6]
    np.testing.assert_array_equal(item["image"], picture.enlarged[5:14, 10:19])
    np.testing.assert_array_equal(item["target"], picture.truth[7:12, 12:17])


def test_networks_that_enlarge_get_the_low_resolution(pictures):
    patches = Patches(pictures, MATLAB_BICUBIC, PatchSpec(4, 2, 1, 3), scale=3, color="y")
    picture = degrade(pictures.read(0), "a", MATLAB_BICUBIC, 3, "y")
    # 6x8 pixels: places 0, 2 and 0, 2, 4.
    item = patches[4]
    np.testing.assert_array_equal(item["image"], picture.low[2:6, 2:6])
    np.testing.assert_array_equal(item["target"], picture.truth[9:15, 9:15])


@pytest.mark.parametrize("name", ["article-literal", "article-intended"])
def test_the_article_cuts_first_and_leaves_out_the_last(pictures, name):
    chosen = DEGRADATIONS[name]
    patches = Patches(pictures, chosen, PatchSpec(9, 4, 2, 1), scale=3, color="y")
    # Uncropped 20x25: 0, 4, 8 down (20 > 8 + 9), 0 ... 12 across (16 + 9 is not below 25);
    # of 14x9 none, for 0 + 9 is not below 9.
    assert len(patches) == 3 * 4
    truth = to_planes(pictures.read(0), "y", "full")[8:17, 4:13]
    low = chosen.shrink(truth, 3)
    np.testing.assert_array_equal(patches[9]["image"], chosen.enlarge(low, (9, 9)))
    np.testing.assert_array_equal(patches[9]["target"], truth[2:7, 2:7])
    # The same ones, made at once for measuring.
    images, truths = degraded_patches(pictures.read(0), "a", chosen, 3, 9, 4)
    np.testing.assert_allclose(images[9], patches[9]["image"], atol=1e-6)
    np.testing.assert_array_equal(truths[9], truth)


def test_the_article_with_a_network_that_enlarges(pictures):
    patches = Patches(pictures, ARTICLE_INTENDED, PatchSpec(3, 1, 1, 3), scale=3, color="y")
    item = patches[0]
    truth = to_planes(pictures.read(0), "y", "full")[:9, :9]
    np.testing.assert_array_equal(item["image"], ARTICLE_INTENDED.shrink(truth, 3))
    np.testing.assert_array_equal(item["target"], truth[3:6, 3:6])
    with pytest.raises(InputError, match="article-literal keeps the resolution"):
        literal = DEGRADATIONS["article-literal"]
        Patches(pictures, literal, PatchSpec(3, 1, 1, 3), scale=3, color="y")
    degraded = degrade(pictures.read(0), "a", DEGRADATIONS["article-literal"], 3, "y")
    with pytest.raises(InputError, match="a keeps its resolution"):
        degraded.input(3)


def test_no_patch_at_all(pictures):
    with pytest.raises(InputError, match="as large as a patch of 33 pixels"):
        Patches(pictures, MATLAB_BICUBIC, PatchSpec(33, 14, 6, 1), scale=3, color="y")


@pytest.mark.parametrize(
    ("degradation", "scale", "num"),
    [
        ("matlab-bicubic", 2, 21_910),
        ("matlab-bicubic", 3, 21_884),
        ("matlab-bicubic", 4, 21_772),
        ("article-literal", 3, 21_910),
    ],
)
def test_the_papers_training_set(data_folder, degradation, scale, num):
    t91 = open_pictures(f"folder:{data_folder / 'data' / 'sr' / 'T91'}")
    spec = PatchSpec(33, 14, 6, 1)
    patches = Patches(t91, DEGRADATIONS[degradation], spec, scale=scale, color="y")
    assert len(patches) == num
    assert patches[num - 1]["image"].shape == (33, 33, 1)


def test_all_seeds_share_one_object(pictures):
    spec = PatchSpec(9, 5, 2, 1)
    one = training_patches(pictures, MATLAB_BICUBIC, spec, scale=3, color="y")
    again = open_pictures(pictures.spec)
    assert training_patches(again, MATLAB_BICUBIC, PatchSpec(9, 5, 2, 1), scale=3, color="y") is one
    half = rescaled(pictures, (0.8,))
    assert len(training_patches(half, MATLAB_BICUBIC, spec, scale=3, color="y")) > len(one)
