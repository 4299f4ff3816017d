import sys
import types

import numpy as np
import pytest
import safetensors.numpy

from jaxrepro.core.arrays.array_files import read_arrays
from jaxrepro.core.errors import InputError


@pytest.fixture
def arrays():
    return {"a.b": np.arange(6, dtype=np.float32).reshape(2, 3), "c": np.array(7)}


def test_round_trips(tmp_path, arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    safetensors.numpy.save_file(arrays, tmp_path / "x.safetensors")
    for name in ("x.npz", "x.safetensors"):
        given = read_arrays(tmp_path / name)
        assert given.keys() == arrays.keys()
        for key, value in arrays.items():
            assert given[key].dtype == value.dtype
            np.testing.assert_array_equal(given[key], value)


def test_half_precision_is_for_storage(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.arange(3, dtype=np.float16))
    assert read_arrays(tmp_path / "x.npz")["a"].dtype == np.float32


def test_pickled_objects_are_not_read(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="cannot be read as an .npz of plain arrays"):
        read_arrays(tmp_path / "x.npz")


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"no such format", b"PK\x03\x04 cut off"])
def test_damaged_files(tmp_path, suffix, content):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"x{suffix} cannot be read"):
        read_arrays(path)


def test_a_single_array_has_no_name(tmp_path):
    with (tmp_path / "x.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(InputError, match="one array without a name"):
        read_arrays(tmp_path / "x.npz")


def test_no_file_and_unknown_endings(tmp_path):
    with pytest.raises(InputError, match="not a file"):
        read_arrays(tmp_path / "x.npz")
    with pytest.raises(InputError, match=r"ends in '\.pkl'; .* \.bin, \.npz, \.pt, \.pth, \.saf"):
        read_arrays(tmp_path / "x.pkl")


def test_without_pytorch_the_error_says_how_to_convert(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    path = tmp_path / "x.pth"
    path.write_bytes(b"anything")
    with pytest.raises(InputError, match=r"PyTorch is not installed; .*numpy\.savez.*weights_only"):
        read_arrays(path)


class Tensor:
    """As much of torch's tensor as reading needs."""

    dtype = "float32"

    def __init__(self, array):
        self.array = np.asarray(array)

    def detach(self):
        return self

    def numpy(self):
        return self.array


def fake_torch(result):
    calls = []

    def load(path, **options):
        calls.append(options)
        if isinstance(result, Exception):
            raise result
        return result

    return types.SimpleNamespace(Tensor=Tensor, bfloat16="bfloat16", load=load, calls=calls)


def test_pytorch_files_are_read_as_weights_only(tmp_path, monkeypatch, arrays):
    torch = fake_torch({name: Tensor(value) for name, value in arrays.items()})
    monkeypatch.setitem(sys.modules, "torch", torch)
    (tmp_path / "x.bin").touch()
    given = read_arrays(tmp_path / "x.bin")
    assert torch.calls == [{"map_location": "cpu", "weights_only": True}]
    assert {name: value.tolist() for name, value in given.items()} == {
        name: value.tolist() for name, value in arrays.items()
    }


def test_the_weights_of_a_checkpoint(tmp_path, monkeypatch):
    weights = {"a": Tensor(np.arange(3.0))}
    torch = fake_torch({"epoch": 3, "state_dict": weights, "optimizer": {"state": {}}})
    monkeypatch.setitem(sys.modules, "torch", torch)
    (tmp_path / "x.pth.tar").touch()
    given = read_arrays(tmp_path / "x.pth.tar")
    assert torch.calls == [{"map_location": "cpu", "weights_only": True}]
    assert {name: value.tolist() for name, value in given.items()} == {"a": [0.0, 1.0, 2.0]}


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (RuntimeError("bad"), "cannot be read as weights alone"),
        (OSError("cut off"), "cannot be read as weights alone"),
        ({"state_dict": {}}, "holds other things than named arrays"),
        ([1], "holds other things than named arrays"),
    ],
)
def test_pytorch_files_of_other_things(tmp_path, monkeypatch, result, message):
    monkeypatch.setitem(sys.modules, "torch", fake_torch(result))
    (tmp_path / "x.pth").touch()
    with pytest.raises(InputError, match=message):
        read_arrays(tmp_path / "x.pth")
