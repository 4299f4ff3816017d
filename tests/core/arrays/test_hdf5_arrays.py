"""HDF5 files: plain arrays are read, everything that points elsewhere is refused."""

import h5py
import numpy as np
import pytest

from jaxrepro.core.arrays import hdf5_arrays
from jaxrepro.core.arrays.hdf5_arrays import read_hdf5_arrays
from jaxrepro.core.errors import InputError


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["a/b/kernel:0"] = np.arange(6, dtype=np.float32).reshape(2, 3)
        file["step"] = 7
        file.attrs["model_config"] = "{}"
        file["names"] = "text"
    return path


def test_arrays_by_path_without_text(path):
    arrays = read_hdf5_arrays(path)
    assert sorted(arrays) == ["a/b/kernel:0", "step"]
    np.testing.assert_array_equal(arrays["a/b/kernel:0"], [[0, 1, 2], [3, 4, 5]])
    assert arrays["a/b/kernel:0"].dtype == np.float32


def test_what_points_elsewhere_is_refused(path, tmp_path):
    def with_soft_link(file):
        file["a/link"] = h5py.SoftLink("/step")

    def with_external_link(file):
        file["a/link"] = h5py.ExternalLink("other.h5", "/step")

    def with_external_storage(file):
        (tmp_path / "raw").write_bytes(bytes(8))
        file.create_dataset("far", (2,), "f4", external=[(tmp_path / "raw", 0, 8)])

    def with_a_group_in_itself(file):
        file["a/b/again"] = file["a"]

    def with_virtual_array(file):
        layout = h5py.VirtualLayout((2, 3), "f4")
        layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "x", (2, 3))
        file.create_virtual_dataset("far", layout)

    whole = path.read_bytes()
    for change, words in (
        (with_soft_link, "a/link is a link to another place"),
        (with_external_link, "a/link is a link to another place"),
        (with_external_storage, "the array far is stored in another place"),
        (with_virtual_array, "the array far is stored in another place"),
        (with_a_group_in_itself, "is inside itself or named twice"),
    ):
        path.write_bytes(whole)
        with h5py.File(path, "a") as file:
            change(file)
        with pytest.raises(InputError, match=words):
            read_hdf5_arrays(path)


def test_declared_sizes_are_checked_before_they_are_read(path):
    with h5py.File(path, "a") as file:
        # Takes no room in the file: all of it is the fill value.
        file.create_dataset("huge", (2**34,), "f4", chunks=(2**20,))
    assert path.stat().st_size < 2**20
    with pytest.raises(InputError, match=f"at most {hdf5_arrays.MAX_BYTES} go"):
        read_hdf5_arrays(path)


@pytest.mark.parametrize("content", [b"", b"no such format", b"\x89HDF\r\n\x1a\n cut off"])
def test_damaged_files(tmp_path, content):
    (tmp_path / "x.h5").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as an HDF5 file of plain arrays"):
        read_hdf5_arrays(tmp_path / "x.h5")
