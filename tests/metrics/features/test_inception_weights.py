import re

import chex
import numpy as np
import pytest
import safetensors.numpy

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.features.inception_weights import inception_from_arrays, load_inception
from tests.metrics.features.inception_arrays import drawn_arrays


def changed(**changes):
    """The drawn arrays with some replaced, added or, for None, left out."""
    arrays = drawn_arrays("fid2015") | {k.replace("__", "."): v for k, v in changes.items()}
    return {name: value for name, value in arrays.items() if value is not None}


def test_files_of_every_kind_give_the_same_network(tmp_path):
    arrays = drawn_arrays("fid2015")
    extra = {"AuxLogits.fc.bias": np.zeros(3, np.float32), "fc.num_batches_tracked": np.array(5)}
    np.savez(tmp_path / "a.npz", **arrays, **extra)
    safetensors.numpy.save_file(arrays, tmp_path / "a.safetensors")
    networks = [
        inception_from_arrays(arrays),
        load_inception(tmp_path / "a.npz"),
        load_inception(tmp_path / "a.safetensors"),
    ]
    for network in networks[1:]:
        assert network.name == networks[0].name
        chex.assert_trees_all_equal(network.variables, networks[0].variables)


def test_the_name_tells_protocol_and_weights_apart():
    arrays = drawn_arrays("fid2015")
    names = [
        inception_from_arrays(arrays).name,
        inception_from_arrays(arrays, "fid2015-tf1resize").name,
        inception_from_arrays(changed(fc__bias=arrays["fc.bias"] + 1)).name,
        inception_from_arrays(drawn_arrays("torchvision")).name,
    ]
    assert len({name.rsplit("-", 1)[1] for name in names}) == 3
    assert names[0].rsplit("-", 1)[1] == names[1].rsplit("-", 1)[1]
    for name, protocol in zip(
        names, ("fid2015", "fid2015-tf1resize", "fid2015", "torchvision-biggan"), strict=True
    ):
        assert re.fullmatch(rf"inception-{protocol}-[0-9a-f]{{8}}", name)


def test_wrong_arrays_are_named():
    bn = "Mixed_5b.branch1x1.bn"
    arrays = changed() | {
        "Mixed_7c.branch1x1.conv.weight": np.zeros((1, 2, 3, 3), np.float32),
        "Conv2d_9z.conv.weight": np.zeros(3, np.float32),
        f"{bn}.running_var": np.full(64, -1, np.float32),
        f"{bn}.bias": np.full(64, np.nan, np.float32),
        f"{bn}.running_mean": np.zeros(64, np.int32),
    }
    del arrays["Mixed_6a.branch3x3.bn.weight"]
    with pytest.raises(InputError) as caught:
        inception_from_arrays(arrays)
    message = str(caught.value)
    assert "missing: Mixed_6a.branch3x3.bn.weight;" in message
    assert "unused: Conv2d_9z.conv.weight;" in message
    assert (
        "misshapen: Mixed_7c.branch1x1.conv.weight has (1, 2, 3, 3) for (320, 2048, 1, 1)"
    ) in message
    assert f"variance: {bn}.bias, {bn}.running_mean, {bn}.running_var;" in message


@pytest.mark.parametrize(
    ("weight", "protocol", "message"),
    [
        (None, None, "no fc.weight"),
        (np.zeros((10, 2048), np.float32), None, r"fc.weight has shape \(10, 2048\); it must be"),
        (np.zeros((1000, 2048), np.float32), "fid2015", "not for protocol 'fid2015'"),
        (np.zeros((1008, 2048), np.float32), "fid", "protocol 'fid' given; known are fid2015, "),
    ],
)
def test_weights_of_another_network(weight, protocol, message):
    with pytest.raises(InputError, match=message):
        inception_from_arrays(changed(fc__weight=weight), protocol)


def test_a_file_with_wrong_arrays_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    with pytest.raises(InputError, match=r"a\.npz: the weights have no fc\.weight"):
        load_inception(tmp_path / "a.npz")
