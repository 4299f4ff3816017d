import pickle

import numpy as np
import pytest
from scipy.io import savemat

from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.joint_sets import COCO, LSP, MPII
from jaxrepro.data.pose.mpii_annotations import read_mpii, read_person_list, read_validation_truth
from jaxrepro.data.pose.pose_sets import open_people
from tests.data.pose import pose_files as files


def test_lspet_columns_mark_what_is_labelled(tmp_path):
    joints = np.random.default_rng(0).uniform(5, 25, (14, 3, 3))
    joints[:, 2] = 1
    joints[3, 2, 1] = 0
    savemat(tmp_path / "joints.mat", {"joints": joints})
    for number in (1, 2):
        files.write_picture(tmp_path / "images" / f"im{number:05}.jpg")
    people = open_people(f"lspet:{tmp_path}")
    assert len(people) == 2 and people.joint_set == LSP
    # Pixel 1 of MATLAB has its middle at 0.5.
    np.testing.assert_allclose(people.joints[0], joints[:, :2, 0] - 0.5)
    assert people.labelled.sum(axis=1).tolist() == [14, 13]
    points = np.delete(joints[:, :2, 1] - 0.5, 3, axis=0)
    low, high = points.min(axis=0), points.max(axis=0)
    np.testing.assert_allclose(people.centers[1], (low + high) / 2)
    np.testing.assert_allclose(people.scales[1], (high - low).max() / 200)
    item = people[1]
    assert item["image"].shape == (30, 40, 3) and item["joints"][3].tolist() == [0, 0]
    assert repr(pickle.loads(pickle.dumps(people))) == repr(people)
    with pytest.raises(InputError, match=r"1 of 3 people have no picture .*such as im00003\.jpg"):
        open_people(f"lspet:{tmp_path}", split="1-3")
    with pytest.raises(InputError, match="no split '2-4'; allowed are all, a range such as 1-3"):
        open_people(f"lspet:{tmp_path}", split="2-4")


def test_lsp_rows_mark_what_is_hidden_and_people_are_in_the_middle(tmp_path):
    joints = np.random.default_rng(0).uniform(5, 25, (3, 14, 2))
    joints[2] = 0
    joints[2, 5, 0] = 1
    savemat(tmp_path / "joints.mat", {"joints": joints})
    for number in (1, 2):
        files.write_picture(tmp_path / "images" / f"im{number:04}.jpg")
    people = open_people(f"lsp:{tmp_path}", split="train")
    assert people.labelled.all() and people.visible.sum(axis=1).tolist() == [13, 14]
    assert people.centers.tolist() == [[20, 15]] * 2
    shoulder, hip = people.joints[0, 9], people.joints[0, 2]
    np.testing.assert_allclose(people.torso_sizes[0], np.hypot(*(shoulder - hip)))
    whole = people.in_order_of(MPII)
    np.testing.assert_allclose(whole.joints[:, 6], people.joints[:, 2:4].mean(axis=1))
    assert whole.select([1], "one").persons[0].image == "im0002.jpg"


def test_the_released_mpii_file(tmp_path):
    files.write_release(tmp_path / "release.mat")
    everyone = read_mpii(tmp_path / "release.mat")
    assert everyone.parts == ["train", "train", "test"]
    first, second, third = everyone.persons
    assert (first.image, first.image_number, first.person_number) == ("a.jpg", 1, 1)
    assert (second.person_number, third.image, third.person_number) == (3, "c.jpg", 2)
    assert np.flatnonzero(first.labelled).tolist() == [0, 3, 6, 7, 9]
    assert np.flatnonzero(first.visible).tolist() == [0, 7, 9]
    np.testing.assert_allclose(first.joints[3], [12.75, 7.5])
    assert first.center.tolist() == [19.5, 14.5] and first.scale == 0.5
    assert first.head_size == pytest.approx(0.6 * 5)
    assert np.isnan(third.head_size) and not third.labelled.any()
    files.write_picture(tmp_path / "a.jpg")
    list_file = tmp_path / "list.mat"
    savemat(list_file, {"RELEASE_img_index": [[1]], "RELEASE_person_index": [[3]]})
    spec = f"mpii:{tmp_path / 'release.mat'}"
    held_out = open_people(spec, split="valid", validation=str(list_file))
    assert [p.person_number for p in held_out.persons] == [3]
    rest = open_people(spec, split="train", validation=str(list_file))
    assert [p.person_number for p in rest.persons] == [1]
    with pytest.raises(InputError, match=r"1 of 1 people have no picture in .*such as c\.jpg"):
        open_people(spec, split="test")


@pytest.mark.parametrize("names", ["strings", "codes", "list"])
def test_h5_annotations_lose_their_padding(tmp_path, names):
    part = files.write_h5(tmp_path / "valid.h5", names=names)
    (tmp_path / "valid_images.txt").write_text("a.jpg\nb.jpg\n")
    people = read_mpii(tmp_path / "valid.h5")
    first, second = people.persons
    assert people.parts == ["valid"] * 2 and [first.image, second.image] == ["a.jpg", "b.jpg"]
    assert first.scale == 0.5 and first.center.tolist() == [19.5, 14.5]
    np.testing.assert_array_equal(first.joints, part[0] - 0.5)
    assert np.flatnonzero(~second.labelled).tolist() == [4]
    assert first.visible.sum() == 8 and first.head_size == 3 and np.isnan(second.head_size)
    assert read_person_list(tmp_path / "valid.h5") == {(1, 3), (7, 1)}


def test_json_annotations_of_two_codes(tmp_path):
    marks = [[10.0 + joint, 5.0, joint % 2] for joint in range(16)]
    marks[3] = [0, 0, 0]
    row = {"joint_self": marks, "img_paths": "a.jpg", "objpos": [20, 15], "scale_provided": 2.0}
    rows = [{**row, "isValidation": flag, "annolist_index": 5} for flag in (0.0, 1.0)]
    files.write_json(tmp_path / "many.json", rows)
    people = read_mpii(tmp_path / "many.json")
    assert people.parts == ["train", "valid"] and people.persons[0].image_number == 5
    assert np.flatnonzero(~people.persons[0].labelled).tolist() == [3]
    assert people.persons[0].visible.sum() == 7
    other = {
        "joints": [mark[:2] for mark in marks],
        "joints_vis": [1] * 3 + [0] + [1] * 12,
        "image": "a.jpg",
        "center": [20, 15],
        "scale": 2.0,
    }
    files.write_json(tmp_path / "other.json", [other])
    (person,) = read_mpii(tmp_path / "other.json").persons
    np.testing.assert_array_equal(person.joints, people.persons[0].joints)
    np.testing.assert_array_equal(person.labelled, people.persons[0].labelled)
    files.write_json(tmp_path / "short.json", [{**other, "joints": marks[:15]}])
    with pytest.raises(InputError, match=r"short\.json as annotations of MPII"):
        read_mpii(tmp_path / "short.json")


def test_coco_keypoints(tmp_path):
    files.write_json(tmp_path / "people.json", files.coco())
    files.write_picture(tmp_path / "a.jpg")
    people = open_people(f"coco:{tmp_path / 'people.json'}")
    (person,) = people.persons
    assert people.joint_set == COCO and (person.image_number, person.person_number) == (42, 7)
    assert person.center.tolist() == [20, 9] and person.scale == 0.1
    assert person.joints[0].tolist() == [12.5, 7.5]
    assert np.flatnonzero(person.labelled).tolist() == [0, 5]
    assert np.flatnonzero(person.visible).tolist() == [0]
    assert np.isnan(people.torso_sizes).all()
    files.write_json(tmp_path / "short.json", files.coco(num_keypoints=16))
    with pytest.raises(InputError, match=r"short\.json as COCO keypoints.*7 has 16 keypoints"):
        open_people(f"coco:{tmp_path / 'short.json'}")


def test_errors_say_what_is_allowed(tmp_path):
    with pytest.raises(InputError, match=r"unknown pose data 'flic:x'; allowed are figures, lsp"):
        open_people("flic:x")
    with pytest.raises(InputError, match=r"joints\.mat is not there"):
        open_people(f"lsp:{tmp_path}")
    (tmp_path / "joints.mat").write_bytes(b"no file of MATLAB")
    with pytest.raises(InputError, match=r"cannot read .*joints\.mat as a MATLAB file"):
        open_people(f"lspet:{tmp_path}")
    savemat(tmp_path / "joints.mat", {"points": np.zeros(3)})
    with pytest.raises(InputError, match="has no variable joints; it has points"):
        open_people(f"lspet:{tmp_path}")
    savemat(tmp_path / "joints.mat", {"joints": np.zeros((16, 3, 2))})
    with pytest.raises(InputError, match=r"joints \(16, 3, 2\) given; LSP has"):
        open_people(f"lspet:{tmp_path}")
    (tmp_path / "a.h5").write_bytes(b"no HDF5")
    with pytest.raises(InputError, match=r"cannot read .*a\.h5 as annotations of MPII"):
        open_people(f"mpii:{tmp_path / 'a.h5'}")
    with pytest.raises(InputError, match=r"MPII annotations are \.mat, \.h5, \.json files"):
        open_people(f"mpii:{tmp_path / 'a.csv'}")
    with pytest.raises(InputError, match="of use with the .mat file of MPII only"):
        open_people(f"lsp:{tmp_path}", validation="x.mat")


def test_real_annotations(data_folder):
    lspet = data_folder / "data" / "lspet"
    test = open_people(f"lspet:{lspet}", split="1001-1250")
    assert len(open_people(f"lspet:{lspet}")) == 1250
    # Both ends of the torso are labelled in 175 of the 250.
    assert np.isfinite(test.torso_sizes).sum() == 175
    assert test[0]["image"].shape[-1] == 3
    mpii = data_folder / "data" / "mpii"
    people = open_people(f"mpii:{mpii / 'sample' / 'test_mpii.json'}")
    truth = read_validation_truth(mpii / "detections_our_format.mat")
    assert truth.joints.shape == (2958, 16, 2) and (~truth.labelled).sum() == 3088
    # The first of the sample is the first of the validation set.
    np.testing.assert_allclose(people.joints[0], truth.joints[0], atol=1e-4)
    assert truth.head_sizes[0] == pytest.approx(117.96219733, abs=1e-4)
