"""Small annotation files in the forms of the pose data sets."""

import json

import h5py
import numpy as np
from PIL import Image
from scipy.io import savemat


def write_picture(path, width=40, height=30):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path)


def struct_array(rows):
    """A MATLAB struct array of dictionaries with the same keys."""
    array = np.empty((1, len(rows)), dtype=[(name, object) for name in rows[0]])
    for place, row in enumerate(rows):
        array[0, place] = tuple(row.values())
    return array


EMPTY = np.zeros((0, 0))


def release():
    """RELEASE: a training image of two people and one without joints, then a test image."""

    def points(shift, marks):
        return {
            "point": struct_array(
                [
                    {"x": 10.25 + joint + shift, "y": 5.0 + joint, "id": joint, "is_visible": mark}
                    for joint, mark in marks.items()
                ]
            )
        }

    box = {"x1": 4, "y1": 2, "x2": 7, "y2": 6}
    place = {"scale": 0.5, "objpos": {"x": 20, "y": 15}}
    train = [
        {**box, "annopoints": points(0, {9: EMPTY, 0: 1, 3: "0", 6: 0, 7: "1"}), **place},
        {**box, "annopoints": EMPTY, **place},
        {**box, "annopoints": points(3, dict.fromkeys(range(16), 1)), **place},
    ]
    test = [{"scale": EMPTY, "objpos": EMPTY}, dict(place)]
    images = [
        {"image": {"name": "a.jpg"}, "annorect": struct_array(train)},
        {"image": {"name": "b.jpg"}, "annorect": EMPTY},
        {"image": {"name": "c.jpg"}, "annorect": struct_array(test)},
    ]
    return {"annolist": struct_array(images), "img_train": np.array([[1, 1, 0]]), "version": "12"}


def write_release(path):
    savemat(path, {"RELEASE": release()})


def write_h5(path, *, names="strings"):
    """Two people; the second lacks joint 4. Boxes are enlarged as in the published files."""
    part = np.arange(64.0).reshape(2, 16, 2) + 1
    part[1, 4] = 0
    with h5py.File(path, "w") as file:
        file["part"] = part
        file["visible"] = np.tile(np.arange(16) % 2, (2, 1)).astype(np.float64)
        file["center"] = np.array([[20.0, 15.0 + 15 * 0.5]] * 2)
        file["scale"] = np.array([0.625, 0.625])
        file["normalize"] = np.array([3.0, -1.0])
        file["index"] = np.array([0.0, 6.0])
        file["person"] = np.array([2.0, 0.0])
        if names == "strings":
            file["imgname"] = np.array([b"a.jpg", b"b.jpg"])
        elif names == "codes":
            codes = np.zeros((2, 16))
            codes[:, :5] = [list(b"a.jpg"), list(b"b.jpg")]
            file["imgname"] = codes
    return part


def coco(num_keypoints=17):
    from jaxrepro.data.pose.joint_sets import COCO

    marks = np.zeros((17, 3))
    marks[0], marks[5] = (12, 7, 2), (20, 9, 1)
    person = {"category_id": 1, "image_id": 42, "bbox": [10, 5, 20, 8], "iscrowd": 0}
    keypoints = marks.ravel().tolist()[: 3 * num_keypoints]
    return {
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO.joints)}],
        "images": [{"id": 42, "file_name": "a.jpg", "width": 40, "height": 30}],
        "annotations": [
            {**person, "id": 7, "keypoints": keypoints},
            {**person, "id": 8, "keypoints": [0] * 51},
            {**person, "id": 9, "keypoints": keypoints, "iscrowd": 1},
        ],
    }


def write_json(path, content):
    path.write_text(json.dumps(content))
