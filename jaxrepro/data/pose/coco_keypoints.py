"""COCO keypoint annotations (Lin et al., ECCV 2014), and other sets in its JSON form."""

import dataclasses
import pathlib
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.strict_json import parse_json
from jaxrepro.data.pose.joint_sets import JOINT_SETS, JointSet
from jaxrepro.data.pose.people import Person, recorded_size

# Coordinates in the files count pixels from 0.
FILE_OFFSET = -0.5
_PIXELS_PER_SCALE = 200
_DAMAGE = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)


@dataclasses.dataclass(frozen=True)
class CocoPeople:
    """The people of a file. left_out: a sentence that says whom it holds beside; "" for nobody."""

    joint_set: JointSet
    persons: list[Person]
    left_out: str


def read_coco_keypoints(path: pathlib.Path) -> CocoPeople:
    """Returns the people of a file such as person_keypoints_val2017.json.

    The middle and the longer side of a person's box are its place and size. Crowds and people
    without any labelled joint are left out. Numbers of picture and person are the file's ids. The
    joints are those of the category that has keypoints; their names tell which a mirror swaps.

    Raises InputError if the file cannot be read or has another form, naming the annotation, and for
    a box outside its picture.
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
        pictures = {row["id"]: row for row in content["images"]}
        annotations = list(content["annotations"])
    except _DAMAGE as error:
        raise InputError(f"cannot read {path} as COCO keypoints: {_said(error)}") from error
    persons, crowds, unlabelled = [], 0, 0
    for number, row in enumerate(annotations, 1):
        try:
            if row["category_id"] not in categories:
                continue
            marks = np.asarray(row.get("keypoints", []), np.float64).reshape(-1, 3)
            if row.get("iscrowd"):
                crowds += 1
            elif not marks[:, 2].any():
                unlabelled += 1
            else:
                persons.append(_person(row, marks, joint_set, pictures))
        except _DAMAGE as error:
            called = f" (id {row['id']!r})" if isinstance(row, dict) and "id" in row else ""
            raise InputError(
                f"cannot read {path} as COCO keypoints: annotation {number}{called} of "
                f"{len(annotations)}: {_said(error)}; correct or remove it"
            ) from error
    reasons = [f"{crowds} of crowds"] * bool(crowds)
    reasons += [f"{unlabelled} without a labelled joint"] * bool(unlabelled)
    left_out = f"annotations left out: {', '.join(reasons)}" if reasons else ""
    return CocoPeople(joint_set, persons, left_out)


def _person(
    row: dict[str, Any], marks: np.ndarray, joint_set: JointSet, pictures: dict[Any, Any]
) -> Person:
    if len(marks) != len(joint_set):
        raise ValueError(f"{len(marks)} keypoints for {len(joint_set)} joints")
    image_number, person_number = (_whole_number(row, key) for key in ("image_id", "id"))
    if row["image_id"] not in pictures:
        raise ValueError(f"no image has the id {row['image_id']!r}")
    picture = pictures[row["image_id"]]
    name, size = str(picture["file_name"]), recorded_size(picture, "width", "height")
    left, top, width, height = map(float, row["bbox"])
    outside = left + width <= 0 or top + height <= 0
    if outside or (size is not None and (left >= size[0] or top >= size[1])):
        there = f", which is {size[0]} x {size[1]}" if size else ""
        raise ValueError(
            f"its box {left:g},{top:g},{width:g},{height:g} lies outside {name}{there}"
        )
    labelled = marks[:, 2] > 0
    return Person(
        image=name,
        center=np.array([left + width / 2, top + height / 2]),
        scale=max(width, height) / _PIXELS_PER_SCALE,
        joints=np.where(labelled[:, None], marks[:, :2] - FILE_OFFSET, 0.0),
        labelled=labelled,
        visible=marks[:, 2] > 1,
        image_number=image_number,
        person_number=person_number,
        size=size,
    )


def _whole_number(row: dict[str, Any], key: str) -> int:
    try:
        return int(row[key])
    except ValueError as error:
        raise ValueError(f"{key} {row[key]!r} is no whole number") from error


def _said(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"no {error.args[0]}"
    return str(error) or type(error).__name__


def _joint_set(name: str, joints: list[str]) -> JointSet:
    for known in JOINT_SETS.values():
        if known.joints == tuple(joints):
            return known
    return JointSet(name, tuple(map(str, joints)))
