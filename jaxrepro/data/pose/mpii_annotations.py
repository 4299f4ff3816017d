"""MPII Human Pose (Andriluka et al., CVPR 2014): the forms in which its annotations are kept."""

import dataclasses
import pathlib
from typing import Any

import numpy as np

from jaxrepro.core.arrays.matlab import each, field, read_matlab
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.strict_json import parse_json
from jaxrepro.data.pose.joint_sets import MPII
from jaxrepro.data.pose.people import Person, recorded_size

# Coordinates in all its files count pixels from 1.
FILE_OFFSET = 0.5
# Of the diagonal of the head's box: the unit of PCKh.
HEAD_SHARE = 0.6
_DAMAGE = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
# The .h5 files hold boxes that were enlarged and moved down, so that feet stay inside.
_H5_ENLARGED, _H5_MOVED = 1.25, 15.0


@dataclasses.dataclass(frozen=True)
class MpiiPeople:
    """The people of an annotation file.

    parts: for each person the part that the file puts it in, such as "train". left_out: how many
    have no place, no size or, of training pictures, no joints.
    """

    persons: list[Person]
    parts: list[str]
    left_out: int = 0


def read_mpii(path: pathlib.Path) -> MpiiPeople:
    """Returns the people in a file of MPII annotations.

    .mat: the release, `RELEASE`; parts "train" (its training images, people with joints) and
      "test" (people with a place but no joints).
    .h5: train.h5, valid.h5 or test.h5 of the hourglass and PyraNet code; one part, named after
      the file. Their enlarged boxes are undone, so that records of all forms agree; their joints
      are whole numbers, rounded down.
    .json: a list with "joint_self" (parts "train" and "valid" by "isValidation"), or one with
      "joints" and "joints_vis" (one part, named after the file). Neither has heads.

    A person without a place and a size is left out. Raises InputError for another suffix and for a
    file that cannot be read.
    """
    readers = {".mat": _read_release, ".h5": _read_h5, ".json": _read_json}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: MPII annotations are {', '.join(readers)} files")
    if not path.is_file():
        raise InputError(f"{path} is not a file; give the annotations of MPII")
    try:
        return reader(path)
    except InputError:
        raise
    # What an array of another shape, or a struct without a field, leads the readers into.
    except _DAMAGE as error:
        raise InputError(f"cannot read {path} as annotations of MPII: {error!r}") from error


def read_person_list(path: pathlib.Path) -> set[tuple[int, int]]:
    """Returns (image, person) numbers, counted from 1, of the people in a list.

    path: detections.mat of the usual evaluation code, with RELEASE_img_index and
      RELEASE_person_index; or an .h5 file of annotations. Raises InputError otherwise.
    """
    if path.suffix.lower() == ".h5":
        return {(p.image_number, p.person_number) for p in read_mpii(path).persons}
    names = ("RELEASE_img_index", "RELEASE_person_index")
    lists = read_matlab(path, *names)
    images, persons = (np.atleast_1d(lists[name]).tolist() for name in names)
    return set(zip(map(int, images), map(int, persons), strict=True))


@dataclasses.dataclass(frozen=True, eq=False)
class ValidationTruth:
    """The joints that the usual evaluation code compares with, and predictions beside them.

    joints, predictions: float64 [N, 16, 2] in the coordinates of records. labelled: bool [N, 16].
    head_sizes: float64 [N].
    """

    joints: np.ndarray
    labelled: np.ndarray
    head_sizes: np.ndarray
    predictions: np.ndarray


def read_validation_truth(path: pathlib.Path) -> ValidationTruth:
    """Returns what a file such as detections_our_format.mat holds, in the order of valid.h5.

    Its joints are kept as they are: a few have a coordinate 0 that the annotations do not have.
    Raises InputError for another file.
    """
    names = ("pos_gt_src", "pos_pred_src", "jnt_missing", "headboxes_src")
    content = read_matlab(path, *names, records=True)
    truth, predictions, missing, heads = (np.asarray(content[name]) for name in names)
    num = truth.shape[-1]
    shapes = [(16, 2, num), (16, 2, num), (16, num), (2, 2, num)]
    if [x.shape for x in (truth, predictions, missing, heads)] != shapes:
        raise InputError(f"{path}: not the joints and head boxes of {num} people")
    return ValidationTruth(
        joints=truth.transpose(2, 0, 1).astype(np.float64) - FILE_OFFSET,
        labelled=missing.T == 0,
        head_sizes=HEAD_SHARE * np.linalg.norm(np.float64(heads[1]) - heads[0], axis=0),
        predictions=predictions.transpose(2, 0, 1).astype(np.float64) - FILE_OFFSET,
    )


def _read_release(path: pathlib.Path) -> MpiiPeople:
    release = read_matlab(path, "RELEASE")["RELEASE"]
    images, in_train = field(release, "annolist"), field(release, "img_train")
    if images is None or in_train is None:
        raise InputError(f"{path}: RELEASE has no annolist and img_train")
    persons, parts, left_out = [], [], 0
    for number, (image, train) in enumerate(zip(each(images), each(in_train), strict=True), 1):
        name = str(image.image.name)
        for rank, person in enumerate(each(field(image, "annorect")), 1):
            place, scale = field(person, "objpos"), field(person, "scale")
            points = field(person, "annopoints")
            if place is None or scale is None or (train and points is None):
                left_out += 1
                continue
            joints, labelled, visible = _release_joints(points)
            if train and not labelled.any():
                left_out += 1
                continue
            persons.append(
                Person(
                    image=name,
                    center=np.array([place.x, place.y], np.float64) - FILE_OFFSET,
                    scale=float(scale),
                    joints=joints,
                    labelled=labelled,
                    visible=visible,
                    head_size=_release_head(person),
                    image_number=number,
                    person_number=rank,
                )
            )
            parts.append("train" if train else "test")
    return MpiiPeople(persons, parts, left_out)


def _release_joints(points: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    joints = np.zeros((len(MPII), 2))
    labelled = np.zeros(len(MPII), bool)
    visible = np.zeros(len(MPII), bool)
    for point in each(field(points, "point")):
        number = int(point.id)
        joints[number] = np.array([point.x, point.y], np.float64) - FILE_OFFSET
        labelled[number] = True
        seen = field(point, "is_visible")
        # Head and neck have no mark; some files have it as text.
        visible[number] = seen is None or float(str(seen)) > 0
    return joints, labelled, visible


def _release_head(person: Any) -> float:
    corners = [field(person, name) for name in ("x1", "y1", "x2", "y2")]
    if any(corner is None for corner in corners):
        return float("nan")
    left, top, right, bottom = map(float, corners)
    return HEAD_SHARE * float(np.hypot(right - left, bottom - top))


def _read_h5(path: pathlib.Path) -> MpiiPeople:
    import h5py

    with h5py.File(path, "r") as file:
        columns = {
            name: np.asarray(file[name])
            for name in ("part", "visible", "center", "scale", "normalize", "index", "person")
        }
        names = np.asarray(file["imgname"]) if "imgname" in file else None
    images = _image_names(path, names, len(columns["part"]))
    # Missing joints are (0, 0), those of a person without joints (-1, -1).
    labelled = columns["part"].max(axis=-1) > 0
    persons = []
    for row, image in enumerate(images):
        values = {name: column[row] for name, column in columns.items()}
        scale = float(values["scale"]) / _H5_ENLARGED
        center = np.array(values["center"], np.float64) - [0, _H5_MOVED * scale] - FILE_OFFSET
        joints = np.where(labelled[row, :, None], values["part"] - FILE_OFFSET, 0.0)
        head = float(values["normalize"])
        persons.append(
            Person(
                image=image,
                center=center,
                scale=scale,
                joints=joints,
                labelled=labelled[row],
                visible=labelled[row] & (values["visible"] > 0),
                head_size=head if head > 0 else float("nan"),
                image_number=int(values["index"]) + 1,
                person_number=int(values["person"]) + 1,
            )
        )
    return MpiiPeople(persons, [path.stem] * len(persons))


def _image_names(path: pathlib.Path, names: np.ndarray | None, num: int) -> list[str]:
    """Returns file names: strings, codes of characters, or the lines of a list beside the file."""
    if names is not None and names.dtype.kind in "SO":
        images = [x.decode() if isinstance(x, bytes) else str(x) for x in names.tolist()]
    elif names is not None and names.ndim == 2:
        images = ["".join(chr(int(code)) for code in row if code > 0) for row in names]
    else:
        beside = path.with_name(f"{path.stem}_images.txt")
        if not beside.is_file():
            raise InputError(f"{path} names no images, and there is no {beside.name} beside it")
        # A line each: names may have blanks.
        images = [line.strip() for line in beside.read_text().splitlines() if line.strip()]
    if len(images) != num:
        raise InputError(f"{path}: {len(images)} names of images for {num} people")
    return images


def _read_json(path: pathlib.Path) -> MpiiPeople:
    rows = parse_json(path.read_bytes())
    persons = []
    for number, row in enumerate(rows, 1):
        try:
            persons.append(_json_person(row))
        except _DAMAGE as error:
            said = f"no {error.args[0]}" if isinstance(error, KeyError) else str(error)
            raise InputError(
                f"cannot read {path} as annotations of MPII: person {number} of {len(rows)}: "
                f"{said}; correct or remove it"
            ) from error
    parts = [
        ("valid" if row["isValidation"] else "train") if "isValidation" in row else path.stem
        for row in rows
    ]
    return MpiiPeople(persons, parts)


def _json_person(row: dict[str, Any]) -> Person:
    if "joint_self" in row:
        marks = np.asarray(row["joint_self"], np.float64)
        points, labelled = marks[:, :2], marks[:, :2].max(axis=1) > 0
        visible = labelled & (marks[:, 2] > 0)
        image, center, scale = row["img_paths"], row["objpos"], row["scale_provided"]
        numbers = int(row.get("annolist_index", -1)), int(row.get("people_index", -1))
    else:
        # This form marks what is labelled, and does not say what is hidden.
        points, labelled = np.asarray(row["joints"], np.float64), np.asarray(row["joints_vis"]) > 0
        visible, numbers = labelled, (-1, -1)
        image, center, scale = row["image"], row["center"], row["scale"]
    if points.shape != (len(MPII), 2):
        raise ValueError(f"joints {points.shape} given; there are {len(MPII)}")
    return Person(
        image=str(image),
        center=np.asarray(center, np.float64) - FILE_OFFSET,
        scale=float(scale),
        joints=np.where(labelled[:, None], points - FILE_OFFSET, 0.0),
        labelled=labelled,
        visible=visible,
        image_number=numbers[0],
        person_number=numbers[1],
        size=recorded_size(row, "img_width", "img_height"),
    )
