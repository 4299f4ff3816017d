"""Leeds Sports Pose and its extended training set (Johnson and Everingham, 2010 and 2011)."""

import pathlib

import numpy as np

from jaxrepro.core.arrays.matlab import read_matlab_arrays
from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.images import picture_sizes
from jaxrepro.data.pose.people import Person, joint_box

# Coordinates in the files count pixels from 1.
FILE_OFFSET = 0.5
_PIXELS_PER_SCALE = 200


def read_leeds_sports(folder: pathlib.Path) -> list[Person]:
    """Returns the people of folder/joints.mat, in the order of LSP; pictures are in folder/images.

    LSP: joints [3, 14, N], third row 1 for a hidden joint; pictures im0001.jpg and so on. The
    person is in the middle of the picture. LSPET: joints [14, 3, N], third column 1 for a
    labelled joint; pictures im00001.jpg and so on. The person is in the middle of its joints.
    Neither gives a size: it is the longer side of the box around the labelled joints.

    Raises InputError if the file cannot be read or holds something else.
    """
    path = folder / "joints.mat"
    if not path.is_file():
        raise InputError(f"{path} is not there; give the folder of LSP or LSPET that holds it")
    arrays = read_matlab_arrays(path)
    if "joints" not in arrays:
        raise InputError(f"{path} has no variable joints; it has {', '.join(arrays) or 'none'}")
    joints = arrays["joints"].astype(np.float64)
    if joints.ndim == 2:
        joints = joints[..., None]
    extended = joints.shape[:2] == (14, 3)
    if not extended and joints.shape[:2] != (3, 14):
        raise InputError(
            f"{path}: joints {joints.shape} given; LSP has (3, 14, N) and LSPET (14, 3, N)"
        )
    rows = joints.transpose(2, 0, 1) if extended else joints.transpose(2, 1, 0)
    digits = 5 if extended else 4
    persons = []
    for number, row in enumerate(rows, 1):
        name = f"im{number:0{digits}}.jpg"
        marked = row[:, 2] > 0
        labelled = marked if extended else np.ones(len(row), bool)
        points = np.where(labelled[:, None], row[:, :2] - FILE_OFFSET, 0.0)
        middle, side = joint_box(points, labelled)
        persons.append(
            Person(
                image=name,
                center=middle if extended else _picture_middle(folder / "images" / name, middle),
                scale=side / _PIXELS_PER_SCALE,
                joints=points,
                labelled=labelled,
                visible=labelled if extended else ~marked,
                image_number=number,
            )
        )
    return persons


def _picture_middle(path: pathlib.Path, otherwise: np.ndarray) -> np.ndarray:
    """Returns the middle of an upright picture; of the joints where it is missing."""
    if not path.is_file():
        return otherwise
    return np.array(picture_sizes(path)[1], np.float64) / 2
