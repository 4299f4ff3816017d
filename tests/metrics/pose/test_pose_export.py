import csv
import dataclasses
import json

import numpy as np
import pytest
from scipy.io import loadmat

from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.joint_sets import COCO, LSP, MPII
from jaxrepro.data.pose.people import People, Person
from jaxrepro.data.pose.pose_sets import open_people
from jaxrepro.metrics.pose.pose_export import write_coco, write_csv, write_mpii_submission
from tests.data.pose import pose_files as files


def people_of(joint_set, offset, num=2):
    has = np.ones(len(joint_set), bool)
    persons = [
        Person(
            f"{i}.jpg", np.zeros(2), 1.0, np.zeros((len(joint_set), 2)), has, has, 1.0, 40 + i, i
        )
        for i in range(num)
    ]
    return People("test", joint_set, persons, file_offset=offset)


def test_table_has_the_coordinates_of_the_files(tmp_path):
    points = np.random.default_rng(0).uniform(0, 99, (2, 14, 2))
    confidences = np.random.default_rng(1).random((2, 14))
    write_csv(tmp_path / "out" / "a.csv", people_of(LSP, 0.5), points, confidences)
    with open(tmp_path / "out" / "a.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 28 and rows[15]["joint"] == "right_knee" and rows[15]["image"] == "1.jpg"
    assert float(rows[15]["x"]) == pytest.approx(points[1, 1, 0] + 0.5, abs=1e-3)
    assert float(rows[15]["confidence"]) == pytest.approx(confidences[1, 1], rel=1e-5)


def test_names_that_are_not_utf8_are_escaped(tmp_path):
    people = people_of(LSP, 0.5, num=1)
    person = dataclasses.replace(people.persons[0], image="caf\udce9.jpg")
    people = People("test", LSP, [person], file_offset=0.5)
    write_csv(tmp_path / "a.csv", people, np.zeros((1, 14, 2)), np.zeros((1, 14)))
    assert ",caf\\udce9.jpg," in (tmp_path / "a.csv").read_text("utf-8")


def test_coco_results(tmp_path):
    points = np.random.default_rng(0).uniform(0, 99, (2, 17, 2))
    confidences = np.random.default_rng(1).random((2, 17))
    write_coco(tmp_path / "a.json", people_of(COCO, -0.5), points, confidences)
    first, second = json.loads((tmp_path / "a.json").read_text())
    assert (first["image_id"], second["image_id"], first["category_id"]) == (40, 41, 1)
    marks = np.reshape(second["keypoints"], (17, 3))
    np.testing.assert_allclose(marks[:, :2], points[1] - 0.5, atol=1e-4)
    np.testing.assert_allclose(marks[:, 2], confidences[1], atol=1e-4)
    assert second["score"] == pytest.approx(confidences[1].mean(), abs=1e-6)
    with pytest.raises(InputError, match="are no COCO keypoints; export them as CSV"):
        write_coco(
            tmp_path / "b.json", people_of(MPII, 0.5), np.zeros((2, 16, 2)), np.zeros((2, 16))
        )


def test_mpii_submission_keeps_the_release(tmp_path):
    files.write_release(tmp_path / "release.mat")
    files.write_picture(tmp_path / "c.jpg")
    spec = f"mpii:{tmp_path / 'release.mat'}"
    people = open_people(spec, split="test")
    points = np.random.default_rng(0).uniform(0, 99, (1, 16, 2))
    path = tmp_path / "submission.mat"
    write_mpii_submission(path, tmp_path / "release.mat", people, points)
    release = loadmat(path, struct_as_record=False, squeeze_me=True)["RELEASE"]
    assert release.version == "12" and release.img_train.tolist() == [1, 1, 0]
    assert [image.image.name for image in release.annolist] == ["a.jpg", "b.jpg", "c.jpg"]
    first, second = release.annolist[2].annorect
    assert first.annopoints.size == 0 and second.scale == 0.5 and second.objpos.x == 20
    joints = second.annopoints.point
    assert [joint.id for joint in joints] == list(range(16))
    # Pixels of MATLAB count from 1.
    given = np.array([[joint.x, joint.y] for joint in joints])
    np.testing.assert_allclose(given, points[0] + 0.5)
    assert release.annolist[0].annorect[0].annopoints.point[0].id == 9
    # What was written is read back as annotations.
    files.write_picture(tmp_path / "a.jpg")
    again = open_people(f"mpii:{path}", images=str(tmp_path), split="test")
    np.testing.assert_allclose(again.joints, points)


def test_people_of_another_release_are_refused(tmp_path):
    files.write_release(tmp_path / "release.mat")
    path, release, points = tmp_path / "a.mat", tmp_path / "release.mat", np.zeros((1, 16, 2))
    with pytest.raises(InputError, match="has no number in .*release.mat"):
        write_mpii_submission(path, release, people_of(MPII, 0.5, num=1), points)
    person = people_of(MPII, 0.5, num=1).persons[0]
    other = Person(**{**vars(person), "image_number": 1, "person_number": 1})
    with pytest.raises(InputError, match=r"has no person 1 in 0\.jpg as image 1"):
        write_mpii_submission(path, release, People("other", MPII, [other]), points)
    with pytest.raises(InputError, match="have no joints of MPII"):
        write_mpii_submission(path, release, people_of(LSP, 0.5, num=1), np.zeros((1, 14, 2)))
    with pytest.raises(InputError, match=r"predictions \(1, 3, 2\) .*1 people with 16 joints"):
        write_mpii_submission(path, release, people_of(MPII, 0.5, num=1), np.zeros((1, 3, 2)))
    assert not path.exists()
