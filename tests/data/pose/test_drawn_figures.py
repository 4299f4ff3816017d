import pickle

import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.drawn_figures import DrawnFigures
from jaxrepro.data.pose.joint_sets import MPII
from jaxrepro.data.pose.pose_sets import open_people
from jaxrepro.data.sets.pictures import open_pictures


@pytest.fixture(scope="module")
def figures():
    return open_people("figures", split="test")


def test_figures_are_the_same_in_every_process(figures):
    assert len(figures) == 250 and figures.joint_set == MPII
    copy = pickle.loads(pickle.dumps(figures))
    np.testing.assert_array_equal(copy[7]["image"], figures[7]["image"])
    np.testing.assert_array_equal(copy.joints, figures.joints)
    assert (
        repr(copy) == repr(figures) == "DrawnFigures('figures, test', 250 people, joints of mpii)"
    )
    assert (figures[7]["image"] != figures[8]["image"]).any()


def test_limbs_are_drawn_between_the_joints(figures):
    """Along a forearm, whose length and colour vary, the picture has one colour."""
    flat = 0
    for index in range(20):
        image = figures.read_image(index).astype(int)
        assert image.shape == (160, 160, 3)
        start, end = (figures.joints[index, MPII.index(f"left_{j}")] for j in ("knee", "ankle"))
        places = start + np.linspace(0.2, 0.8, 5)[:, None] * (end - start)
        if places.min() < 2 or places.max() > 157:
            continue
        x, y = places.astype(int).T
        flat += int(np.ptp(image[y, x], axis=0).max() <= 8)
    # The other leg may lie in front.
    assert flat >= 14


def test_poses_vary_and_face_the_viewer(figures):
    names = MPII.joints
    right, left = (
        figures.joints[:, names.index("right_hip")],
        figures.joints[:, names.index("left_hip")],
    )
    assert (right[:, 0] < left[:, 0]).all()
    wrist = figures.joints[:, names.index("left_wrist")] - figures.joints[:, names.index("thorax")]
    assert np.abs(wrist).std(axis=0).min() > 5 and (wrist[:, 1] < 0).mean() > 0.2
    inside = ((figures.joints > 0) & (figures.joints < 160)).all(axis=-1)
    assert inside.mean() > 0.97
    sizes = figures.scales * 200
    assert sizes.min() > 60 and sizes.max() < 160
    np.testing.assert_allclose(
        figures.head_sizes,
        np.linalg.norm(figures.joints[:, 9] - figures.joints[:, 8], axis=1),
    )


def test_ground_is_a_photograph(figures):
    """The upper left corner of figure 0 is found somewhere in one of the test photographs."""
    patch = figures.read_image(0)[:3, :3].astype(int)
    photographs = open_pictures("photos:test")
    best = min(
        np.abs(
            np.lib.stride_tricks.sliding_window_view(
                np.broadcast_to(photo, (*photo.shape[:2], 3)), (3, 3), axis=(0, 1)
            ).transpose(0, 1, 3, 4, 2)
            - patch
        )
        .max(axis=(2, 3, 4))
        .min()
        for photo in map(photographs.read, range(len(photographs)))
    )
    # Enlarged and averaged again, it differs by little.
    assert best <= 12


def test_other_splits_are_refused():
    with pytest.raises(InputError, match="no split 'all'; its splits are train and test"):
        DrawnFigures("all")
