import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.faces.color_maps import color_map
from jaxrepro.papers.scfegan.faces.derived_maps import (
    MapRecipe,
    derive_maps,
    square_labels,
    square_picture,
)
from jaxrepro.papers.scfegan.faces.face_regions import aligned_face, regions_of_labels
from jaxrepro.papers.scfegan.faces.sketches import STYLES, canny_sketch
from tests.papers.scfegan import drawn_faces

SIZE = 64


def test_maps_hold_every_sketch_the_colors_and_the_regions():
    picture, labels = drawn_faces.face(SIZE)
    maps = derive_maps(picture, None, MapRecipe(SIZE))
    assert {name: x.dtype for name, x in maps.items()} == dict.fromkeys(
        ("image", "sketches", "color", "regions"), np.dtype(np.uint8)
    )
    for bit, style in enumerate(STYLES):
        np.testing.assert_array_equal(maps["sketches"] >> bit & 1, canny_sketch(picture, style))
    np.testing.assert_array_equal(maps["color"], color_map(picture))
    np.testing.assert_array_equal(maps["regions"] >> 1, aligned_face(SIZE))
    assert (maps["regions"] & 1).any()

    with_labels = derive_maps(picture, labels, MapRecipe(SIZE, aligned=False))
    hair, face = regions_of_labels(labels)
    np.testing.assert_array_equal(with_labels["regions"], hair + 2 * face + 4)
    np.testing.assert_array_equal(with_labels["color"], color_map(picture, labels))
    assert not derive_maps(picture, None, MapRecipe(SIZE, aligned=False))["regions"].any()


def test_a_network_may_draw_the_sketch():
    picture, _ = drawn_faces.face(SIZE)
    recipe = MapRecipe(SIZE, edge_weights="0a1b")
    assert recipe.num_sketches == 1
    maps = derive_maps(picture, None, recipe, lambda image: image[..., :1] // 128)
    np.testing.assert_array_equal(maps["sketches"], picture[..., :1] // 128)


def test_pictures_and_labels_are_cropped_alike():
    picture, labels = drawn_faces.face(SIZE)
    wide = np.concatenate([picture[:, :10] * 0, picture, picture[:, :10] * 0], axis=1)
    wide_labels = np.pad(labels, [(0, 0), (10, 10)], constant_values=18)
    np.testing.assert_array_equal(square_picture(wide, SIZE), picture)
    np.testing.assert_array_equal(square_labels(wide_labels, SIZE), labels)
    assert set(np.unique(square_labels(wide_labels, 21))) <= set(np.unique(labels))


@pytest.mark.parametrize("size", [16, 17])
def test_small_pictures_have_maps_too(size):
    picture = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    maps = derive_maps(picture, None, MapRecipe(size))
    assert {x.shape[:2] for x in maps.values()} == {(size, size)}


def test_impossible_recipes_are_refused():
    with pytest.raises(InputError, match="size=15"):
        MapRecipe(15)
    with pytest.raises(InputError, match="9 styles given; allowed are 1 to 8"):
        MapRecipe(16, styles=STYLES[:1] * 9)
    with pytest.raises(InputError, match=r"\(8, 8, 3\) given; the recipe is for 16"):
        derive_maps(np.zeros((8, 8, 3), np.uint8), None, MapRecipe(16))
