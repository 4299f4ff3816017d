"""VGG-16 against torchvision's, and the names and refusals of its weights."""

import pathlib
import re

import chex
import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from jaxrepro.core.errors import InputError
from jaxrepro.nn.vgg.vgg16 import PREPROCESSINGS, Vgg16
from jaxrepro.nn.vgg.vgg16_features import published_features, random_features
from tests.nn.vgg.vgg16_arrays import as_inputs, images, keras_arrays, torchvision_arrays

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "vgg16.npz"


@pytest.fixture(scope="module")
def torchvision_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg") / "vgg16.safetensors"
    later = {
        "features.17.weight": np.zeros((4, 4), np.float32),
        "classifier.0.bias": np.ones(3, np.float32),
    }
    safetensors.numpy.save_file(torchvision_arrays() | later, path)
    return path


def write_h5(path, arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array


def test_maps_and_gradient_are_torchvisions(torchvision_file):
    network = published_features(torchvision_file)
    inputs = jnp.asarray(as_inputs(images()))

    def means(inputs):
        maps = network.maps(network.variables, inputs)
        return sum(x.mean() for x in maps), maps

    gradient, maps = jax.jit(jax.grad(means, has_aux=True))(inputs)
    with np.load(GOLDEN) as golden:
        for ours, name, every in zip(maps, ("pool1", "pool2", "pool3"), (4, 1, 1), strict=True):
            np.testing.assert_allclose(ours[..., ::every], golden[name], rtol=1e-4, atol=1e-4)
        # By the normalised image there, by the image in [-1, 1] here.
        scale = 127.5 / np.array(PREPROCESSINGS["torchvision"].std)
        want = golden["image_gradient"] * scale
        np.testing.assert_allclose(gradient, want, rtol=1e-3, atol=1e-4 * np.abs(want).max())


@pytest.mark.parametrize("name", list(PREPROCESSINGS))
def test_preprocessing_by_hand(name):
    # A network whose first map is one normalised channel: centre taps pass it on unchanged.
    pixels = np.zeros((1, 8, 8, 3), np.uint8)
    pixels[...] = (200, 150, 220)
    module = Vgg16(preprocessing=name, width=3)
    shapes = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
    variables = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)
    for layer in ("conv1_1", "conv1_2"):
        variables["params"][layer]["kernel"][1, 1] = np.eye(3)
    first = jax.jit(module.apply)(variables, as_inputs(pixels))[0]
    red, green, blue = {
        "torchvision": (
            (200 / 255 - 0.485) / 0.229,
            (150 / 255 - 0.456) / 0.224,
            (220 / 255 - 0.406) / 0.225,
        ),
        "caffe": (200 - 123.68, 150 - 116.779, 220 - 103.939),
        "slim": (200 - 123.68, 150 - 116.78, 220 - 103.94),
    }[name]
    np.testing.assert_allclose(first[0, 2, 2], (red, green, blue), rtol=1e-4)


OLD, NEW = "block{0}_conv{1}/block{0}_conv{1}_{2}_1:0", "block{0}_conv{1}/block{0}_conv{1}/{2}:0"


@pytest.mark.parametrize(
    ("path_of", "kinds"),
    [
        (OLD, ("W", "b")),
        (NEW, ("kernel", "bias")),
        (f"model_weights/{NEW}", ("kernel", "bias")),
        ("model_weights/block{0}_conv{1}/vgg16/block{0}_conv{1}/{2}", ("kernel", "bias")),
    ],
)
def test_keras_files_hold_the_same_network_with_channels_turned(
    tmp_path, torchvision_file, path_of, kinds
):
    extra = {"block5_conv3/block5_conv3/kernel:0": np.zeros(2), "optimizer_weights/iterations": 3}
    write_h5(tmp_path / "vgg.h5", keras_arrays(path_of, kinds) | extra)
    keras = published_features(tmp_path / "vgg.h5")
    assert re.fullmatch("vgg16-caffe-[0-9a-f]{8}", keras.name)
    assert keras.module.preprocessing == "caffe" and keras.trained
    torchvision = published_features(torchvision_file)
    chex.assert_trees_all_equal(keras.variables, torchvision.variables)
    # The same weights have the same hash, the network differs by its preprocessing.
    assert torchvision.name == keras.name.replace("caffe", "torchvision")


def test_slim_names_and_weights_of_caffe_in_pytorchs_layout(tmp_path, torchvision_file):
    want = published_features(torchvision_file).variables
    slim = keras_arrays("vgg_16/conv{0}/conv{0}_{1}/{2}", ("weights", "biases"))
    slim["vgg_16/conv1/conv1_1/weights"] = slim["vgg_16/conv1/conv1_1/weights"][:, :, ::-1]
    np.savez(tmp_path / "slim.npz", **slim)
    network = published_features(tmp_path / "slim.npz")
    assert network.module.preprocessing == "slim"
    chex.assert_trees_all_equal(network.variables, want)

    told = published_features(torchvision_file, "caffe")
    assert told.module.preprocessing == "caffe"
    kernel = told.variables["params"]["conv1_1"]["kernel"]
    np.testing.assert_array_equal(kernel, want["params"]["conv1_1"]["kernel"][:, :, ::-1])


def test_random_weights_say_so_and_keep_the_scale():
    network = random_features(3)
    assert network.name == "random-vgg16(seed=3)" and not network.trained
    params = network.variables["params"]
    for layer, inputs in (("conv1_1", 3), ("conv3_3", 256)):
        kernel = np.asarray(params[layer]["kernel"])
        assert kernel.shape[2] == inputs
        np.testing.assert_allclose(kernel.std(), np.sqrt(2 / (9 * inputs)), rtol=0.05)
        assert not params[layer]["bias"].any()
    chex.assert_trees_all_equal(network.variables, random_features(3).variables)
    assert (
        params["conv1_1"]["kernel"] != random_features(4).variables["params"]["conv1_1"]["kernel"]
    ).any()
    assert random_features(0, width=8).name == "random-vgg16(seed=0,width=8)"


def test_bfloat16_maps_are_near_those_of_float32():
    pixels = jnp.asarray(as_inputs(images()))
    exact, rough = (random_features(width=4, dtype=dtype) for dtype in ("float32", "bfloat16"))
    run = jax.jit(lambda variables, x: (exact.maps(variables, x), rough.maps(variables, x)))
    for x, y in zip(*run(exact.variables, pixels), strict=True):
        assert (x.dtype, y.dtype) == (jnp.float32, jnp.bfloat16)
        np.testing.assert_allclose(y.astype(jnp.float32), x, atol=0.03 * float(x.max()))
        assert not np.array_equal(y.astype(jnp.float32), x)


def refusal(path, arrays, *args):
    np.savez(path, **arrays)
    with pytest.raises(InputError) as caught:
        published_features(path, *args)
    return str(caught.value)


def test_wrong_arrays_are_named(tmp_path):
    path, arrays = tmp_path / "vgg.npz", torchvision_arrays()
    short = {k: v for k, v in arrays.items() if k != "features.5.bias"}
    short["features.7.weight"] = np.zeros((2, 3), np.float32)
    short["features.10.bias"] = np.zeros(256, np.int32)
    text = refusal(path, short)
    for part in (
        "no bias of conv2_1",
        "features.7.weight (2, 3) instead of (128, 128, 3, 3)",
        "features.10.bias is not of finite floats",
    ):
        assert part in text
    broken = arrays | {"features.10.bias": np.full(256, np.nan, np.float32)}
    assert "features.10.bias has numbers that are not finite" in refusal(path, broken)
    assert "batch norm" in refusal(path, arrays | {"features.1.running_mean": np.zeros(64)})
    assert "has no arrays of VGG-16, but a, b, c and 1 more" in refusal(
        path, dict.fromkeys("abcd", 1.0)
    )
    assert "both of layer conv1_1" in refusal(
        path, arrays | {"module.features.0.bias": np.zeros(64)}
    )
    text = refusal(path, arrays, "imagenet")
    assert "preprocessing 'imagenet' given; allowed: torchvision, caffe, slim" in text


def test_wrong_arguments(tmp_path):
    with pytest.raises(InputError, match="dtype 'float16' given; allowed: float32, bfloat16"):
        random_features(dtype="float16")
    with pytest.raises(InputError, match="width=0, seed=0 given"):
        random_features(width=0)
    with pytest.raises(InputError, match="missing.h5 is not a file"):
        published_features(tmp_path / "missing.h5")
