"""MATLAB files read by SciPy: what is damaged is said in one way."""

import numpy as np
import pytest
from scipy.io import savemat

from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.matlab_files import read_matlab


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"a": np.arange(400.0)}, do_compression=True)
    return path


def test_variables_are_read_by_name(path):
    np.testing.assert_array_equal(read_matlab(path, "a")["a"], np.arange(400.0))
    with pytest.raises(InputError, match="no variable b; it has a"):
        read_matlab(path, "b")


def test_damaged_compression_is_an_input_error(path):
    content = bytearray(path.read_bytes())
    content[150:190] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(InputError, match="as a MATLAB file"):
        read_matlab(path, "a")


@pytest.mark.parametrize("size", [0, 60, 127, 131, 200])
def test_cut_off_files_are_input_errors(path, size):
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InputError, match="as a MATLAB file|no variable a"):
        read_matlab(path, "a")
