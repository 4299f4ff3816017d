import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.joint_sets import LSP, MPII
from jaxrepro.data.pose.mpii_annotations import read_validation_truth
from jaxrepro.metrics.pose.keypoint_accuracy import (
    ALL_JOINTS,
    LABEL_WEIGHTED,
    UNWEIGHTED,
    Convention,
    area_under_curve,
    bootstrap_interval,
    convention_table,
    group_shares,
    joint_errors,
    joint_shares,
    mean_share,
)


@pytest.fixture
def errors():
    """Two people of head 10 and 20; joint 9 is 6 and 10 pixels off, joint 6 of the first 4."""
    truth = np.zeros((2, 16, 2))
    predictions = truth.copy()
    predictions[:, 9] = [[6, 0], [6, 8]]
    predictions[0, 6] = [0, 4]
    labelled = np.ones((2, 16), bool)
    labelled[0, 0] = labelled[:, 1] = False
    return joint_errors(predictions, truth, labelled, np.array([10.0, 20.0]), MPII)


def test_errors_are_in_units(errors):
    np.testing.assert_allclose(errors.errors[:, 9], [0.6, 0.5])
    np.testing.assert_allclose(errors.errors[0, 6], 0.4)


def test_strict_and_not(errors):
    assert joint_shares(errors, 0.5)[9] == 0
    assert joint_shares(errors, 0.5, strict=False)[9] == 50
    shares = joint_shares(errors, 0.45)
    assert np.isnan(shares[1]) and shares[0] == shares[6] == 100


def test_means_by_hand(errors):
    # 13 joints have labels: all but joint 1; 12 are found, the head top in neither person.
    assert mean_share(errors, 0.5, UNWEIGHTED) == pytest.approx(100 * 12 / 13)
    # 25 labels without the trunk, 2 of them missed; at most 0.5 takes one back.
    assert mean_share(errors, 0.5, Convention(weights="labels")) == pytest.approx(100 * 23 / 25)
    assert mean_share(errors, 0.5, LABEL_WEIGHTED) == pytest.approx(100 * 24 / 25)
    assert mean_share(errors, 0.5, ALL_JOINTS) == pytest.approx(100 * 27 / 29)
    assert mean_share(errors, 0.39, ALL_JOINTS) == pytest.approx(100 * 26 / 29)
    table = convention_table(errors, 0.5)
    assert list(table) == [
        f"{joints}/{how}"
        for joints in ("14_joints", "14_labels", "16_labels")
        for how in ("below", "at_most")
    ]
    assert table["14_labels/at_most"] == mean_share(errors, 0.5, LABEL_WEIGHTED)
    assert table["14_joints/at_most"] == pytest.approx(100 * 12.5 / 13)


def test_rows_average_left_and_right(errors):
    rows = group_shares(errors, 0.5)
    assert rows["head"] == 0 and rows["hip"] == 100 and np.isnan(rows["knee"])
    assert list(rows) == ["head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"]


def test_area_under_the_curve():
    """Joints 0.25 off are found at 25 of 51 thresholds, with the one of 0.25 at 26."""
    truth = np.zeros((1, 14, 2))
    predictions = truth + np.array([0.25, 0])
    errors = joint_errors(predictions, truth, np.ones((1, 14)), np.ones(1), LSP)
    assert area_under_curve(errors, UNWEIGHTED) == pytest.approx(100 * 25 / 51)
    assert area_under_curve(errors, LABEL_WEIGHTED) == pytest.approx(100 * 26 / 51)
    # A set without trunk has no rows of all joints.
    assert list(convention_table(errors, 0.5))[-1] == "14_labels/at_most"


def test_people_of_unknown_size_are_left_out():
    truth = np.zeros((3, 14, 2))
    predictions = truth + np.array([0, 5, 0])[:, None, None]
    units = np.array([1.0, np.nan, 1.0])
    errors = joint_errors(predictions, truth, np.ones((3, 14)), units, LSP)
    assert errors.counted.sum() == 28 and mean_share(errors, 0.2, UNWEIGHTED) == 100


def test_bootstrap_interval_is_that_of_the_binomial():
    rng = np.random.default_rng(0)
    right = rng.random(400) < 0.7
    truth = np.zeros((400, 14, 2))
    predictions = truth + np.where(right, 0, 9)[:, None, None]
    errors = joint_errors(predictions, truth, np.ones((400, 14)), np.ones(400), LSP)
    low, high = bootstrap_interval(errors, 0.5, UNWEIGHTED)
    mean = right.mean()
    spread = 1.96 * np.sqrt(mean * (1 - mean) / 400)
    # All joints of a person go together, so there are 400 independent trials, not 5,600.
    np.testing.assert_allclose([low, high], 100 * (mean + spread * np.array([-1, 1])), atol=0.6)
    assert bootstrap_interval(errors, 0.5, LABEL_WEIGHTED) == (low, high)
    assert bootstrap_interval(errors, 0.5, UNWEIGHTED, seed=1) != (low, high)


def test_errors_say_what_was_given():
    arrays = np.zeros((2, 14, 2)), np.zeros((2, 14, 2)), np.ones((2, 14), bool)
    with pytest.raises(InputError, match=r"predictions \(2, 14, 2\).*with 16 joints"):
        joint_errors(*arrays, np.ones(2), MPII)
    with pytest.raises(InputError, match="no labelled joint of a person with a known unit"):
        joint_errors(*arrays, np.full(2, np.nan), LSP)
    with pytest.raises(InputError, match="of no size given"):
        joint_errors(*arrays, np.array([1.0, 0.0]), LSP)


def test_figures_of_the_published_predictions(data_folder):
    """81.46 and 82.34: two tables of the same predictions."""
    truth = read_validation_truth(data_folder / "data" / "mpii" / "detections_our_format.mat")
    errors = joint_errors(truth.predictions, truth.joints, truth.labelled, truth.head_sizes, MPII)
    assert round(mean_share(errors, 0.5, UNWEIGHTED), 2) == 81.46
    assert round(mean_share(errors, 0.5, LABEL_WEIGHTED), 2) == 82.34
    low, high = bootstrap_interval(errors, 0.5, UNWEIGHTED)
    assert low < 81.46 < high and 0.5 < high - low < 3
