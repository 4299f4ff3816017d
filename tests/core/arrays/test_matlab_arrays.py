"""Arrays of MATLAB files, as SciPy writes them, and files that are damaged."""

import struct

import numpy as np
import pytest
from scipy.io import savemat

from jaxrepro.core.arrays.matlab_arrays import read_mat
from jaxrepro.core.errors import InputError

RNG = np.random.default_rng(0)
ARRAYS = {
    "plane": RNG.normal(size=(3, 4)),
    "three_axes": RNG.normal(size=(2, 3, 4)),
    "single": RNG.normal(size=(5, 1)).astype(np.float32),
    "none": np.zeros((0, 2)),
    "b": np.array([[7.5]]),
}
OTHERS = {"text": "abc", "complex": np.array([[1j]]), "cell": np.array([[1, "a"]], object)}
OTHERS |= {"whole": np.array([[3]], np.int16), "structure": {"a": 1.0}}


@pytest.fixture(params=[False, True], ids=["plain", "compressed"])
def path(request, tmp_path):
    savemat(tmp_path / "a.mat", ARRAYS | OTHERS, do_compression=request.param)
    return tmp_path / "a.mat"


def test_arrays_of_floating_numbers_are_read_and_others_left_out(path):
    found = read_mat(path)
    assert set(found) == set(ARRAYS)
    for name, expected in ARRAYS.items():
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)


def by_hand(order, version=0x0100):
    """The array [[1, 2, 3]] of doubles, stored as bytes in a tag, as MATLAB stores them."""
    flags = struct.pack(f"{order}IIII", 6, 8, 6, 0)
    shape = struct.pack(f"{order}IIii", 5, 8, 1, 3)
    # A small element is one word of (number of bytes, type) and four bytes.
    name = struct.pack(f"{order}I", 1 << 16 | 1) + b"x\0\0\0"
    numbers = struct.pack(f"{order}I", 3 << 16 | 2) + bytes([1, 2, 3, 0])
    matrix = flags + shape + name + numbers
    head = b"MATLAB 5.0".ljust(124) + struct.pack(f"{order}HH", version, 0x4D49)
    return head + struct.pack(f"{order}II", 14, len(matrix)) + matrix


@pytest.mark.parametrize("order", "<>")
def test_both_orders_of_bytes_and_small_elements(order, tmp_path):
    (tmp_path / "a.mat").write_bytes(by_hand(order))
    found = read_mat(tmp_path / "a.mat")
    np.testing.assert_array_equal(found["x"], [[1.0, 2.0, 3.0]])
    assert found["x"].dtype == np.float64


def test_damaged_files_are_read_or_refused_whatever_is_wrong(path):
    good, refused = path.read_bytes(), 0
    for number in range(400):
        if number % 2:
            bad = bytearray(good)
            for place in RNG.integers(120, len(bad), 3):
                bad[place] = RNG.integers(256)
        else:
            bad = good[: RNG.integers(len(good))]
        path.write_bytes(bytes(bad))
        try:
            read_mat(path)
        except InputError as error:
            assert str(error).startswith(f"cannot read {path} as a MATLAB file: ")
            refused += 1
    assert refused > 200


def test_other_files_are_said(tmp_path):
    place = tmp_path / "a.mat"
    with pytest.raises(InputError, match=r"cannot read .*a.mat: No such file"):
        read_mat(place)
    for content, message in (
        (b"", "not of level 5; save it with -v7"),
        (by_hand("<", 0x0200), "of another version, such as 7.3"),
        (by_hand("<")[:-4], "an element of 48 bytes does not fit in|of .* bytes does not fit in"),
    ):
        place.write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_mat(place)
