"""COCO keypoint annotations (Lin et al., ECCV 2014), and other sets in its JSON form."""

import pathlib

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.strict_json import parse_json
from jaxrepro.data.pose.joint_sets import JOINT_SETS, JointSet
from jaxrepro.data.pose.people import Person

# Coordinates in the files count pixels from 0.
FILE_OFFSET = -0.5
_PIXELS_PER_SCALE = 200


def read_coco_keypoints(path: pathlib.Path) -> tuple[JointSet, list[Person]]:
    """Returns (joint set, people) of a file such as person_keypoints_val2017.json.

    The middle and the longer side of a person's box are its place and size. Crowds and people
    without any labelled joint are left out. Numbers of picture and person are the file's ids. The
    joints are those of the category that has keypoints; names with left_ and right_ are mirrored.

    Raises InputError if the file cannot be read or has another form.
    """
    try:
        content = parse_json(path.read_bytes())
        categories = {
            row["id"]: row["keypoints"] for row in content["categories"] if "keypoints" in row
        }
        if len({tuple(names) for names in categories.values()}) != 1:
            raise ValueError(f"{len(categories)} categories with keypoints; there must be one")
        if len(set(next(iter(categories.values())))) < len(next(iter(categories.values()))):
            raise ValueError("a name of a keypoint stands there twice")
        joint_set = _joint_set(path.stem, next(iter(categories.values())))
        names = {row["id"]: str(row["file_name"]) for row in content["images"]}
        persons = []
        for row in content["annotations"]:
            marks = np.asarray(row.get("keypoints", []), np.float64).reshape(-1, 3)
            if row["category_id"] not in categories or row.get("iscrowd") or not marks[:, 2].any():
                continue
            left, top, width, height = map(float, row["bbox"])
            labelled = marks[:, 2] > 0
            if len(marks) != len(joint_set):
                raise ValueError(f"annotation {row['id']} has {len(marks)} keypoints")
            persons.append(
                Person(
                    image=names[row["image_id"]],
                    center=np.array([left + width / 2, top + height / 2]),
                    scale=max(width, height) / _PIXELS_PER_SCALE,
                    joints=np.where(labelled[:, None], marks[:, :2] - FILE_OFFSET, 0.0),
                    labelled=labelled,
                    visible=marks[:, 2] > 1,
                    image_number=int(row["image_id"]),
                    person_number=int(row["id"]),
                )
            )
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        raise InputError(f"cannot read {path} as COCO keypoints: {error!r}") from error
    return joint_set, persons


def _joint_set(name: str, joints: list[str]) -> JointSet:
    for known in JOINT_SETS.values():
        if known.joints == tuple(joints):
            return known
    return JointSet(name, tuple(map(str, joints)))
