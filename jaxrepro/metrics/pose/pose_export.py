"""Predicted joints as files: for the MPII server, COCO tools, and spreadsheets."""

import csv
import io
import pathlib
from typing import Any

import numpy as np

from jaxrepro.core.arrays.matlab import read_matlab
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.strict_json import json_text
from jaxrepro.core.files.whole_files import write_atomically
from jaxrepro.data.pose.joint_sets import COCO, MPII
from jaxrepro.data.pose.people import People


def write_csv(
    path: pathlib.Path, people: People, predictions: np.ndarray, confidences: np.ndarray
) -> None:
    """Writes a table with one row a joint: person, image, joint, x, y, confidence.

    predictions: [N, K, 2] in the coordinates of records; the table has those of the set's own
    files. confidences: [N, K]. Raises InputError if the shapes are not those of the people.
    """
    points = _in_files(people, predictions, confidences)
    table = io.StringIO(newline="")
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["person", "image", "joint", "x", "y", "confidence"])
    for number, person in enumerate(people.persons):
        for joint, (x, y), confidence in zip(
            people.joint_set.joints, points[number], confidences[number]
        ):
            rows.writerow(
                [number, person.image, joint, f"{x:.3f}", f"{y:.3f}", f"{confidence:.6g}"]
            )
    write_atomically(path, table.getvalue().encode("utf-8", "backslashreplace"))


def write_coco(
    path: pathlib.Path, people: People, predictions: np.ndarray, confidences: np.ndarray
) -> None:
    """Writes COCO's list of results: image_id, category_id 1, keypoints and score of each person.

    predictions: [N, K, 2] in the coordinates of records. confidences: [N, K]; their mean is the
    person's score, and they take the place of the visibility mark, as COCO's tools expect.

    Raises InputError if the people are not of a set in COCO's form.
    """
    points = _in_files(people, predictions, confidences)
    if people.joint_set != COCO and people.file_offset != -0.5:
        raise InputError(f"{people!r} are no COCO keypoints; export them as CSV or for MPII")
    results = []
    for number, person in enumerate(people.persons):
        marks = np.concatenate([points[number], confidences[number][:, None]], axis=1)
        results.append(
            {
                "image_id": person.image_number,
                "category_id": 1,
                "keypoints": [round(float(value), 4) for value in marks.ravel()],
                "score": round(float(np.mean(confidences[number])), 6),
            }
        )
    write_atomically(path, json_text(results).encode())


def write_mpii_submission(
    path: pathlib.Path, release: pathlib.Path, people: People, predictions: np.ndarray
) -> None:
    """Writes the released annotations with predicted joints in place, as a MATLAB file.

    release: mpii_human_pose_v1_u12_1.mat. Each person's `annopoints.point` becomes 16 structs of x,
    y and id (0 to 15); all else in `RELEASE` stays. people: of that release, so that their numbers
    are known. predictions: [N, 16, 2] in the coordinates of records.

    Raises InputError if the people are not in the release.
    """
    from scipy.io import savemat

    points = _in_files(people, predictions, predictions[..., 0])
    if people.joint_set != MPII:
        raise InputError(f"{people!r} have no joints of MPII; the server takes no others")
    content = read_matlab(release, "RELEASE", records=True)
    images = content["RELEASE"]["annolist"][0, 0]
    for number, person in enumerate(people.persons):
        image, rank = person.image_number - 1, person.person_number - 1
        if not 0 <= image < images.size or rank < 0:
            raise InputError(
                f"person {number} of {people!r} has no number in {release}; open the people with "
                "mpii:FILE.mat or a file that keeps these numbers"
            )
        record = images.flat[image]
        rectangles = record["annorect"]
        if (
            rank >= rectangles.size
            or str(np.squeeze(record["image"]["name"][0, 0])) != person.image
        ):
            raise InputError(
                f"{release} has no person {rank + 1} in {person.image} as image {image + 1}; "
                "give the release that the people are of"
            )
        if "annopoints" not in rectangles.dtype.names:
            rectangles = _with_field(rectangles, "annopoints")
            record["annorect"] = rectangles
        rectangles.flat[rank]["annopoints"] = {"point": _points(points[number])}
    file = io.BytesIO()
    savemat(file, {"RELEASE": content["RELEASE"]}, do_compression=True)
    write_atomically(path, file.getvalue())


def _points(points: np.ndarray) -> np.ndarray:
    structs = np.empty((1, len(points)), dtype=[(name, object) for name in ("x", "y", "id")])
    for number, (x, y) in enumerate(points.tolist()):
        structs[0, number] = (x, y, float(number))
    return structs


def _with_field(structs: np.ndarray, name: str) -> np.ndarray:
    """Returns a struct array with one more field, empty everywhere."""
    kept: tuple[str, ...] = structs.dtype.names or ()
    wider = np.empty(structs.shape, dtype=[(field, object) for field in (*kept, name)])
    for field in kept:
        wider[field] = structs[field]
    empty: Any = np.zeros((0, 0))
    for index in np.ndindex(*structs.shape):
        wider[index][name] = empty
    return wider


def _in_files(people: People, predictions: np.ndarray, confidences: np.ndarray) -> np.ndarray:
    """Returns predictions in the coordinates of the set's own files, float64 [N, K, 2]."""
    shape = (len(people), len(people.joint_set))
    if predictions.shape != (*shape, 2) or confidences.shape != shape:
        raise InputError(
            f"predictions {predictions.shape} and confidences {confidences.shape} given for "
            f"{shape[0]} people with {shape[1]} joints"
        )
    return np.asarray(predictions, np.float64) + people.file_offset
