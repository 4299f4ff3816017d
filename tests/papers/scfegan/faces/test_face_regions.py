import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.strokes.free_form_mask import aligned_eyes
from jaxrepro.papers.scfegan.faces.color_maps import median_colors, parts_of_picture, smoothed
from jaxrepro.papers.scfegan.faces.face_regions import (
    aligned_face,
    likely_hair,
    random_hair_ring,
    regions_of_labels,
)
from tests.papers.scfegan import drawn_faces


def found_hair(picture):
    soft = smoothed(picture)
    parts = parts_of_picture(soft)
    return likely_hair(median_colors(soft, parts), parts)[..., 0]


def test_regions_of_labels_are_exact():
    _, labels = drawn_faces.face()
    hair, face = regions_of_labels(labels)
    np.testing.assert_array_equal(hair[..., 0], labels == 17)
    np.testing.assert_array_equal(face[..., 0], (labels > 0) & (labels < 17))
    with pytest.raises(InputError, match="holds the value 19; values must be 0 to 18"):
        regions_of_labels(np.full((2, 2), 19, np.uint8))


def test_hair_is_found_by_its_color():
    picture, labels = drawn_faces.face(128)
    hair = found_hair(picture)
    overlap = (hair & (labels == 17)).sum() / (hair | (labels == 17)).sum()
    assert overlap > 0.8


@pytest.mark.parametrize("color", [drawn_faces.WALL, drawn_faces.SKIN])
def test_no_hair_is_found_where_wall_or_skin_is(color):
    picture, _ = drawn_faces.face(128, hair=color)
    assert not found_hair(picture).any()


def test_the_face_holds_the_eyes_and_leaves_the_corners():
    face = aligned_face(128)[..., 0]
    x, y = aligned_eyes(128).astype(int).T
    assert face[y, x].all() and not face[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    np.testing.assert_array_equal(face, face[:, ::-1])
    assert 0.2 < face.mean() < 0.3


def test_rings_lie_around_the_upper_face():
    rng = np.random.default_rng(0)
    rings = np.stack([random_hair_ring(64, rng)[..., 0] for _ in range(50)])
    assert rings.dtype == np.uint8 and rings.max() == 1
    shares = rings.mean(axis=(1, 2))
    assert shares.min() > 0.02 and shares.max() < 0.45 and shares.std() > 0.02
    # The middle of the face is never hair.
    assert not rings[:, 34:42, 28:36].any()
