"""MATLAB files, as SciPy writes them and by hand, and files that are damaged or too large."""

import struct

import numpy as np
import pytest
from scipy.io import savemat

from jaxrepro.core.arrays import matlab
from jaxrepro.core.arrays.matlab import each, field, read_matlab, read_matlab_arrays
from jaxrepro.core.errors import InputError

RNG = np.random.default_rng(0)
ARRAYS = {
    "plane": RNG.normal(size=(3, 4)),
    "three_axes": RNG.normal(size=(2, 3, 4)),
    "single": RNG.normal(size=(5, 1)).astype(np.float32),
    "none": np.zeros((0, 2)),
    "file": np.array([[7.5]]),
}
OTHERS = {"text": "abc", "complex": np.array([[1j]]), "cell": np.array([[1, "a"]], object)}
OTHERS |= {"whole": np.array([[3]], np.int16), "truth": np.array([[True]])}
OTHERS |= {"structure": {"a": 1.0, "nothing": np.zeros((0, 0))}}


@pytest.fixture(params=[False, True], ids=["plain", "compressed"])
def path(request, tmp_path):
    savemat(tmp_path / "a.mat", ARRAYS | OTHERS, do_compression=request.param)
    return tmp_path / "a.mat"


def refusal(reader, path, *names, **options):
    """What is said about a file, one line that begins with it."""
    with pytest.raises(InputError) as caught:
        reader(path, *names, **options)
    message = str(caught.value)
    assert message.startswith(f"cannot read {path} as a MATLAB file: ") and "\n" not in message
    return message


def test_arrays_of_floating_numbers_are_read_and_others_left_out(path):
    found = read_matlab_arrays(str(path))
    assert set(found) == set(ARRAYS)
    for name, expected in ARRAYS.items():
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)


def test_variables_are_read_by_name(path):
    content = read_matlab(str(path), "plane", "structure", "text")
    np.testing.assert_array_equal(content["plane"], ARRAYS["plane"])
    assert field(content["structure"], "a") == 1.0 and content["text"] == "abc"
    assert field(content["structure"], "nothing") is None
    assert field(content["structure"], "absent") is None
    assert each(None) == [] and each(content["structure"]) == [content["structure"]]
    records = read_matlab(path, "structure", records=True)["structure"]
    np.testing.assert_array_equal(records["a"][0, 0], [[1.0]])
    with pytest.raises(InputError, match="no variable b; it has plane, .*, structure"):
        read_matlab(path, "b")


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
    found = read_matlab_arrays(tmp_path / "a.mat")
    np.testing.assert_array_equal(found["x"], [[1.0, 2.0, 3.0]])
    assert found["x"].dtype == np.float64 and found["x"].dtype.isnative


def test_damaged_files_are_read_or_refused_whatever_is_wrong(path):
    good, refused = path.read_bytes(), 0
    for number in range(8):
        if number % 2:
            bad = bytearray(good)
            for place in RNG.integers(120, len(bad), 20):
                bad[place] = RNG.integers(256)
        else:
            bad = good[: RNG.integers(len(good))]
        path.write_bytes(bytes(bad))
        try:
            read_matlab_arrays(path)
        except InputError as error:
            assert str(error).startswith(f"cannot read {path} as a MATLAB file: ")
            refused += 1
    assert refused >= 4


def test_damaged_compression_is_refused_by_both_readers(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"a": np.arange(400.0)}, do_compression=True)
    content = bytearray(path.read_bytes())
    content[150:190] = bytes(40)
    path.write_bytes(content)
    refusal(read_matlab, path, "a")
    refusal(read_matlab_arrays, path)


@pytest.mark.parametrize("size", [0, 60, 127, 131, 200])
def test_cut_off_files_are_refused(tmp_path, size):
    path = tmp_path / "a.mat"
    savemat(path, {"a": np.arange(400.0)}, do_compression=True)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InputError, match="as a MATLAB file|no variable a"):
        read_matlab(path, "a")


def test_a_variable_that_cannot_be_read_is_said_and_not_its_message_returned(tmp_path):
    path = tmp_path / "a.mat"
    # The type 99 of the numbers is none.
    known, unknown = struct.pack("<I", 3 << 16 | 2), struct.pack("<I", 3 << 16 | 99)
    path.write_bytes(by_hand("<").replace(known, unknown))
    refusal(read_matlab_arrays, path)
    refusal(read_matlab, path, "x")


@pytest.mark.parametrize("inside", ["an array", "a struct"])
def test_what_would_fill_the_memory_is_refused(tmp_path, inside):
    path, zeros = tmp_path / "a.mat", np.zeros((1, 6 << 20))
    savemat(path, {"a": zeros if inside == "an array" else {"b": zeros}}, do_compression=True)
    assert path.stat().st_size < 1 << 16
    readers = {"an array": (read_matlab_arrays, path), "a struct": (read_matlab, path, "a")}
    message = refusal(*readers[inside], most_bytes=32 << 20)
    assert message.endswith("reading it takes more than 33554432 bytes of memory")
    found = read_matlab(path, "a")["a"]
    np.testing.assert_array_equal(found if inside == "an array" else found.b, zeros[0])


def test_a_reader_that_dies_or_does_not_end_is_said(path, monkeypatch):
    monkeypatch.setattr(matlab, "_READER", "import os; os.kill(os.getpid(), 11)")
    for reader in (read_matlab_arrays, read_matlab):
        assert "a process that reads it dies by signal 11; get the" in refusal(reader, path)
    monkeypatch.setattr(matlab, "_READER", "import time; time.sleep(60)")
    monkeypatch.setattr(matlab, "_PATIENCE", 0.5)
    assert refusal(read_matlab_arrays, path).endswith("not done after 0.5 s")


def test_other_files_are_said(tmp_path):
    path = tmp_path / "a.mat"
    with pytest.raises(InputError, match=r"a\.mat is not a file"):
        read_matlab_arrays(path)
    savemat(tmp_path / "b.mat", {"a": 1.0})
    with pytest.raises(InputError, match="b is not a file"):
        read_matlab_arrays(tmp_path / "b")
    path.write_bytes(by_hand("<", 0x0200))
    assert refusal(read_matlab_arrays, path).endswith("it is of version 7.3; save it with -v7")
    for content in (b"", b"no file of MATLAB", by_hand("<")[:-4]):
        path.write_bytes(content)
        refusal(read_matlab_arrays, path)
