import pickle
import shutil

import numpy as np
import pytest
from PIL import ExifTags, Image
from scipy.io import savemat

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.exif import upright
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
    with pytest.raises(InputError, match=r"short\.json as COCO keypoints.*7\).*16 keypoints"):
        open_people(f"coco:{tmp_path / 'short.json'}")


def coco_of(folder, *, images=(), **person):
    """A file of one person, changed, in pictures {"file_name": ..., ...}; its specification."""
    content = files.coco()
    content["annotations"] = [{**content["annotations"][0], **person}]
    content["images"] = [{**content["images"][0], **image} for image in images or [{}]]
    files.write_json(folder / "people.json", content)
    return f"coco:{folder / 'people.json'}"


@pytest.mark.parametrize("orientation", [1, 3, 5, 6, 7, 8])
@pytest.mark.parametrize("noted", ["stored", "upright"])
def test_joints_lie_on_their_marks_in_whichever_frame_a_picture_was_annotated(
    tmp_path, orientation, noted
):
    stored = np.zeros((30, 40, 3), np.uint8)
    shown = upright(stored, orientation)
    frame = {"stored": stored, "upright": shown}[noted]
    for x, y in ((12, 7), (20, 9)):
        frame[y, x] = 255  # Both are views of the same pixels.
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    height, width = frame.shape[:2]
    size = {"file_name": "a.png", "width": width, "height": height}
    people = open_people(coco_of(tmp_path, images=[size]))
    image = people.read_image(0)
    if noted == "stored" and orientation == 3:  # Both sizes are equal: taken as upright.
        frame = shown
    np.testing.assert_array_equal(image, frame)
    if frame is not shown or noted == "upright":
        for x, y in people.joints[0][[0, 5]].astype(int):
            assert image[y, x].tolist() == [255] * 3


def test_a_picture_of_another_size_and_a_box_outside_are_named(tmp_path):
    files.write_picture(tmp_path / "a.jpg")  # 40 x 30
    with pytest.raises(
        InputError, match=r"a\.jpg is 40 x 30 pixels, and coco:.* was annotated in one of 80 x 60:"
    ):
        open_people(coco_of(tmp_path, images=[{"width": 80, "height": 60}]))
    spec = coco_of(tmp_path, images=[{"width": 0, "height": 0}])
    assert open_people(spec).persons[0].size is None
    people = open_people(coco_of(tmp_path))
    Image.new("RGB", (80, 60)).save(tmp_path / "a.jpg")  # Only now: reading tells as well.
    with pytest.raises(InputError, match=r"a\.jpg is 80 x 60 pixels, .* 40 x 30"):
        people.read_image(0)
    files.write_picture(tmp_path / "a.jpg")
    for box in ([41, 5, 20, 8], [10, 30, 5, 5], [-9, 5, 9, 8], [10, -8, 9, 8]):
        with pytest.raises(
            InputError, match=r"annotation 1 \(id 7\) of 1: its box .* lies outside a\.jpg, which"
        ):
            open_people(coco_of(tmp_path, bbox=box))
    assert len(open_people(coco_of(tmp_path, bbox=[39, 29, 20, 8]))) == 1
    # Without a size in the file the picture itself tells.
    spec = coco_of(tmp_path, images=[{"width": None, "height": None}], bbox=[100, 5, 20, 8])
    with pytest.raises(InputError, match=r"person 1 lies outside .*a\.jpg, which is 40 x 30"):
        open_people(spec)[0]


def test_sizes_of_mpii_json_are_compared_and_its_rows_named(tmp_path):
    files.write_picture(tmp_path / "a.jpg")
    row = {"joint_self": [[10.0, 5.0, 1]] * 16, "img_paths": "a.jpg", "objpos": [20, 15]}
    row |= {"scale_provided": 0.1, "isValidation": 0.0, "img_width": 40.0, "img_height": 30.0}
    files.write_json(tmp_path / "all.json", [row])
    assert open_people(f"mpii:{tmp_path / 'all.json'}").persons[0].size == (40, 30)
    files.write_json(tmp_path / "all.json", [{**row, "img_width": 60}])
    with pytest.raises(InputError, match=r"a\.jpg is 40 x 30 pixels, .* in one of 60 x 30"):
        open_people(f"mpii:{tmp_path / 'all.json'}")
    files.write_json(tmp_path / "all.json", [row, {**row, "img_width": "wide"}])
    with pytest.raises(InputError, match="person 2 of 2: img_width 'wide' and img_height 30.0"):
        open_people(f"mpii:{tmp_path / 'all.json'}")
    del row["objpos"]
    files.write_json(tmp_path / "all.json", [row])
    with pytest.raises(InputError, match="person 1 of 1: no objpos; correct"):
        open_people(f"mpii:{tmp_path / 'all.json'}")


def test_the_middle_of_a_turned_lsp_picture_is_that_of_the_upright_one(tmp_path):
    savemat(tmp_path / "joints.mat", {"joints": np.full((3, 14, 1), 5.0) + np.arange(14)[:, None]})
    (tmp_path / "images").mkdir()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (40, 30)).save(tmp_path / "images" / "im0001.jpg", exif=exif)
    people = open_people(f"lsp:{tmp_path}")
    assert people.persons[0].center.tolist() == [15, 20]
    assert people.read_image(0).shape == (40, 30, 3)


def test_people_without_picture_are_said_with_the_near_miss(tmp_path):
    composed, apart = "caf\u00e9.jpg", "cafe\u0301.jpg"
    images = [{"id": i, "file_name": name} for i, name in enumerate(("./a.jpg", "B.jpg", composed))]
    content = files.coco()
    person = content["annotations"][0]
    content["images"] = [{**content["images"][0], **image} for image in images]
    content["annotations"] = [{**person, "image_id": i} for i in range(3)]
    spec = f"coco:{tmp_path / 'people.json'}"
    files.write_json(tmp_path / "people.json", content)
    nobody = r"3 of 3 people have no picture in .*, such as a\.jpg; name the folder of the images$"
    for split in ("all", "1-3"):
        with pytest.raises(InputError, match=nobody):
            open_people(spec, split=split)
    files.write_picture(tmp_path / "a.jpg")
    files.write_picture(tmp_path / "b.jpg")
    people = open_people(spec)
    assert [p.image for p in people.persons] == ["a.jpg"] and len(people.notes) == 1
    assert people.notes[0].startswith(f"{spec}: 2 of 3 people have no picture in")
    assert people.notes[0].endswith("such as B.jpg (there is b.jpg: capitals count)")
    assert people.select([0], "one").notes == people.notes == people.identity().notes
    with pytest.raises(InputError, match="take split=all for those that are there"):
        open_people(spec, split="1-3")
    files.write_picture(tmp_path / "B.jpg")
    files.write_picture(tmp_path / apart)
    (note,) = open_people(spec).notes
    assert note.endswith(
        f"such as {composed} (there is {apart}, whose name is in another Unicode form)"
    )
    (tmp_path / apart).rename(tmp_path / composed)
    assert open_people(spec).notes == ()


def test_people_that_a_reader_leaves_out_are_counted(tmp_path):
    files.write_json(tmp_path / "people.json", files.coco())
    files.write_picture(tmp_path / "a.jpg")
    spec = f"coco:{tmp_path / 'people.json'}"
    assert open_people(spec).notes == (
        f"{spec}: annotations left out: 1 of crowds, 1 without a labelled joint",
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bbox": None}, "no bbox; correct or remove it"),
        ({"id": "seven"}, "id 'seven' is no whole number"),
        ({"image_id": 3}, "no image has the id 3"),
        ({"keypoints": [1, 2]}, "cannot reshape"),
        ({"bbox": [1, 2, 3]}, "not enough values to unpack"),
    ],
)
def test_an_annotation_of_coco_that_cannot_be_read_is_named(tmp_path, changes, said):
    content = files.coco()
    wrong = {k: v for k, v in {**content["annotations"][0], **changes}.items() if v is not None}
    content["annotations"].insert(1, wrong)
    files.write_json(tmp_path / "people.json", content)
    expected = rf"people\.json as COCO keypoints: annotation 2 \(id .*\) of 4: .*{said}"
    with pytest.raises(InputError, match=expected):
        open_people(f"coco:{tmp_path / 'people.json'}")


def test_lists_of_pictures_may_have_blanks_in_names(tmp_path):
    files.write_h5(tmp_path / "valid.h5", names="list")
    (tmp_path / "valid_images.txt").write_text("my picture.jpg\r\nb.jpg\n\n")
    people = read_mpii(tmp_path / "valid.h5")
    assert [person.image for person in people.persons] == ["my picture.jpg", "b.jpg"]


def test_the_identity_of_people_is_their_content(tmp_path):
    spec = coco_of(tmp_path)
    files.write_picture(tmp_path / "a.jpg")
    first = open_people(spec).identity()
    shutil.copytree(tmp_path, tmp_path / "copy")
    moved = open_people(f"coco:{tmp_path / 'copy' / 'people.json'}")
    assert first.is_same(moved.identity())
    assert first.class_names == COCO.joints and first.named == "joints"
    (tmp_path / "copy" / "a.jpg").write_bytes(b"another")
    assert not first.is_same(moved.identity())
    assert not first.is_same(open_people(coco_of(tmp_path, bbox=[10, 5, 20, 9])).identity())


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
