"""Scores side by side: known errors in every convention, as text, and as pictures."""

import dataclasses

import numpy as np
import pytest

from jaxrepro.data.pose.drawn_figures import DrawnFigures
from jaxrepro.data.pose.joint_sets import MPII
from jaxrepro.data.pose.people import People
from jaxrepro.metrics.pose.keypoint_accuracy import joint_errors
from jaxrepro.tasks.pose.measures.joint_error_plot import error_quantiles, joint_error_plot
from jaxrepro.tasks.pose.measures.people_gallery import (
    chosen_people,
    people_gallery,
    person_errors,
)
from jaxrepro.tasks.pose.measures.score_table import tables_text
from jaxrepro.tasks.pose.measures.scores import score

FIGURES = DrawnFigures("test")
WRIST, PELVIS = MPII.index("right_wrist"), MPII.index("pelvis")


class Few(People):
    def read_image(self, index):
        return FIGURES.read_image(index)


def people_without(joint, number):
    """The first 20 figures; `joint` is not labelled in the first `number`."""
    persons = list(FIGURES.persons[:20])
    for i in range(number):
        labelled = persons[i].labelled.copy()
        labelled[joint] = False
        persons[i] = dataclasses.replace(persons[i], labelled=labelled)
    return Few("few", MPII, persons)


def shifted(people, units, joint, persons, share):
    points = people.joints.copy()
    points[persons, joint, 0] += share * units[persons]
    return points


def test_conventions_stand_side_by_side():
    people = people_without(WRIST, 10)
    points = shifted(people, people.head_sizes, WRIST, range(10, 15), 0.75)
    points = shifted(with_joints(people, points), people.head_sizes, PELVIS, range(20), 1.0)
    pckh = score(points, people)["pckh"]
    assert (pckh.people, pckh.labels) == (20, 310)
    means = {name: interval.mean for name, interval in pckh.means.items()}
    # Half of the ten labelled right wrists are found, no pelvis, and everything else.
    assert means["0.5/14_joints/below"] == pytest.approx((13 * 100 + 50) / 14)
    assert means["0.5/14_labels/at_most"] == pytest.approx(100 * 265 / 270)
    assert means["0.5/16_labels/below"] == pytest.approx(100 * 285 / 310)
    assert len(means) == 7
    # At threshold 0 nothing is below; 0.75 of a head is never.
    assert means["area/14_joints/below"] == pytest.approx(50 / 51 * (13 * 100 + 50) / 14)
    interval = pckh.means["0.5/14_joints/below"]
    assert 92.9 < interval.low < interval.mean < interval.high < 100
    area = pckh.means["area/14_joints/below"]
    assert area.low == pytest.approx(50 / 51 * interval.low)
    assert pckh.joints["0.5"]["wrist"] == pytest.approx(75)


def with_joints(people, points):
    """People whose joints are `points`, to shift them again."""
    persons = [dataclasses.replace(p, joints=x) for p, x in zip(people.persons, points)]
    return Few("moved", MPII, persons)


def test_both_units_as_text():
    people = people_without(WRIST, 10)
    points = shifted(people, people.torso_sizes, WRIST, range(10, 15), 0.3)
    scores = {"plain": score(points, people), "true": score(people.joints, people)}
    assert scores["plain"]["pck"].joints["0.2"]["wrist"] == pytest.approx(75)
    assert scores["plain"]["pck"].means["0.5/14_joints/below"].mean == 100
    text = tables_text(scores)
    lines = text.splitlines()
    (head,) = [line for line in lines if line.startswith("PCK, in torsos")]
    assert head == "PCK, in torsos: 20 people, 310 labels, percent; 14 joints <"
    place = lines.index(head)
    assert lines[place + 2].split() == ["@0.2", "@0.5", "area"]
    row = lines[place + 4].split()
    assert row[0] == "plain" and row[1] == f"{(1300 + 50) / 14:.2f}" and row[2] == "100.00"
    assert "PCKh@0.5 by joint" in text and "percent; @0.5\n" in text
    assert "16 labels <=  area, 14 joints <" in text


def test_nothing_is_measured_without_labels():
    nobody = [dataclasses.replace(p, labelled=np.zeros(16, bool)) for p in FIGURES.persons[:3]]
    people = Few("unlabelled", MPII, nobody)
    assert score(people.joints, people) == {}
    assert people_gallery(people, people.joints, 3) is None
    assert joint_error_plot(people.joints, people) is None


def test_worst_people_come_first():
    people = people_without(WRIST, 4)
    points = people.joints.copy()
    sizes = 200 * people.scales
    points[7, 0, 1] += 0.8 * sizes[7]
    # Not labelled: no error.
    points[2, WRIST] += 100
    errors = person_errors(points, people)
    assert errors[7] == pytest.approx(0.8 / 16) and errors[2] == 0
    one = people_gallery(people, points, 1)
    three = people_gallery(people, points, 3)
    assert one.dtype == np.uint8 and one.shape[2] == 3 and three.shape[1] > 2.9 * one.shape[1]
    # The same person at the same place, with skeletons in the colours of left and right.
    np.testing.assert_array_equal(three[:200, :204], one[:200, :204])
    for color in ((240, 130, 0), (60, 180, 255)):
        assert (one[4:204, 4:204] == color).all(axis=-1).sum() > 20
    # Found almost where it is, the skeleton hides the true one.
    agreeing = points.copy()
    agreeing[7] += 1e-6
    hidden = people_gallery(with_joints(people, points), agreeing, 1)
    white = [(image[4:204, 4:204] == 255).all(axis=-1).sum() for image in (one, hidden)]
    assert white[0] > white[1] + 20


def test_typical_and_best_people_stand_beside_the_worst():
    errors = np.array([5.0, 1.0, np.nan, 9.0, 3.0, 2.0, 8.0, 4.0])
    found = {words: numbers.tolist() for words, numbers in chosen_people(errors, 2, 2).items()}
    assert found == {"found worst": [3, 6], "typical": [0, 7], "found best": [1, 5]}
    # Few people: nobody is shown twice, and what nobody is left for is not there.
    few = {words: numbers.tolist() for words, numbers in chosen_people(errors[:4], 2, 2).items()}
    assert few == {"found worst": [3, 0], "found best": [1]}
    people = people_without(WRIST, 4)
    sheets = [people_gallery(people, people.joints, 4, others) for others in (0, 4)]
    assert len(sheets[1]) - len(sheets[0]) == 2 * (200 + 34) + 3 * 22


def test_errors_of_each_joint():
    people = people_without(WRIST, 10)
    points = shifted(people, people.head_sizes, WRIST, range(20), 0.5)
    points[10, WRIST, 0] = people.joints[10, WRIST, 0]
    arrays = (points, people.joints, people.labelled, people.head_sizes, MPII)
    low, median = error_quantiles(joint_errors(*arrays), (0.0, 0.5))
    assert low[WRIST] == 0 and median[WRIST] == pytest.approx(0.5) and median[PELVIS] == 0
    picture = joint_error_plot(points, people)
    assert picture.shape == (420, 1000, 3) and picture.dtype == np.uint8
    changed = joint_error_plot(people.joints, people)
    assert (picture != changed).any()
