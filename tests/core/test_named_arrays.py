import sys
import types

import numpy as np
import pytest
from safetensors.numpy import save_file

from jaxrepro.core.errors import InputError
from jaxrepro.core.named_arrays import read_named_arrays

ARRAYS = {"a.weight": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.asarray([1, 2])}


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_arrays_by_name(tmp_path, suffix):
    path = tmp_path / f"file.{suffix}"
    if suffix == "npz":
        np.savez(path, **ARRAYS)
    else:
        save_file(ARRAYS, path)
    read = read_named_arrays(path)
    assert read.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(read[name], array)
    # Half precision is for storage only.
    assert read["a.weight"].dtype == np.float32
    assert read["b"].dtype == np.int64


class Tensor:
    """As much of a torch tensor as is used."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def is_floating_point(self):
        return self.values.dtype.kind == "f"

    def float(self):
        return Tensor(self.values.astype(np.float32))

    def detach(self):
        return self

    def numpy(self):
        return self.values


def with_torch(monkeypatch, content):
    calls = []

    def load(path, **arguments):
        calls.append(arguments)
        if isinstance(content, Exception):
            raise content
        return content

    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(load=load, Tensor=Tensor))
    return calls


def test_torch_files_are_read_as_tensors_only(tmp_path, monkeypatch):
    (tmp_path / "a.pth").write_bytes(b"")
    content = {name: Tensor(array) for name, array in ARRAYS.items()}
    calls = with_torch(monkeypatch, content)
    read = read_named_arrays(tmp_path / "a.pth")
    assert calls == [{"map_location": "cpu", "weights_only": True}]
    np.testing.assert_array_equal(read["a.weight"], ARRAYS["a.weight"])
    assert read["b"].dtype == np.int64


class UnpicklingError(Exception):
    pass


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"network": {"weight": Tensor([1.0])}}, "does not hold tensors by name"),
        ([Tensor([1.0])], "does not hold tensors by name"),
        (RuntimeError("broken zip\nmore"), "as tensors by name: broken zip$"),
        (UnpicklingError("set weights_only=False"), "objects that are no tensors, which are not"),
    ],
)
def test_torch_files_of_anything_else(tmp_path, monkeypatch, content, message):
    (tmp_path / "a.pth").write_bytes(b"")
    with_torch(monkeypatch, content)
    with pytest.raises(InputError, match=message):
        read_named_arrays(tmp_path / "a.pth")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="no file"):
        read_named_arrays(tmp_path / "absent.npz")
    for suffix in ("npz", "safetensors"):
        path = tmp_path / f"broken.{suffix}"
        path.write_bytes(b"not this")
        with pytest.raises(InputError, match=f"cannot read .*broken.{suffix}"):
            read_named_arrays(path)
    np.savez(tmp_path / "objects.npz", a=np.asarray([{}], dtype=object))
    with pytest.raises(InputError, match="cannot read .*objects.npz"):
        read_named_arrays(tmp_path / "objects.npz")
    (tmp_path / "a.h5").write_bytes(b"")
    with pytest.raises(InputError, match="known are .npz, .safetensors, .pth"):
        read_named_arrays(tmp_path / "a.h5")
