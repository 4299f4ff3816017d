"""A VGG-16 with weights and a name that says whose they are: published ones or random ones."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.nn.vgg.vgg16 import DEPTHS, PREPROCESSINGS, WIDTH, Vgg16, layer_names
from jaxrepro.nn.vgg.vgg16_weights import kernels_and_biases, read_weights

DTYPES = ("float32", "bfloat16")


@dataclasses.dataclass(frozen=True, eq=False)
class VggFeatures:
    """The fixed feature network of perceptual and style losses.

    Attributes:
      name: "vgg16-PREPROCESSING-HASH" with the first 8 hexadecimal digits of the SHA-256 of the
        weights, or "random-vgg16(seed=S)" where there are none. Losses and distances in different
        networks cannot be compared, so it goes with each of them.
      trained: whether the weights are published ones.
      module: the network.
      variables: its arrays, given to `maps` as an argument: what a compiled function closes over
        would become constants of the program.
    """

    name: str
    trained: bool
    module: Vgg16
    variables: Any

    def maps(self, variables: Any, images: jax.Array) -> tuple[jax.Array, ...]:
        """Returns the maps after three poolings of images [B, H, W, 3], RGB in [-1, 1]."""
        return cast(tuple[jax.Array, ...], self.module.apply(variables, images))


def published_features(
    path: str | pathlib.Path, preprocessing: str = "", dtype: str = "float32"
) -> VggFeatures:
    """Returns the network of a local file of published weights.

    Files: torchvision's state_dict (.safetensors, .npz, or .pth with PyTorch installed), Keras'
    .h5, or an .npz with the names of tf-slim.

    preprocessing: a key of `PREPROCESSINGS`; "" for the one that the names in the file go with:
    "torchvision", "caffe" for Keras, "slim". Weights of Caffe in a file of PyTorch's layout have
    torchvision's names, and need "caffe" said. dtype: one of `DTYPES`, of the convolutions.

    Raises:
      InputError: the file cannot be read or holds another network, or an argument is unknown.
    """
    _check_dtype(dtype)
    layout, arrays = read_weights(path)
    name = preprocessing or layout
    if name not in PREPROCESSINGS:
        raise InputError(
            f"preprocessing {preprocessing!r} given; allowed: {', '.join(PREPROCESSINGS)}, or '' "
            "for that of the file's layout"
        )
    try:
        layers = kernels_and_biases(arrays, layout, bgr=PREPROCESSINGS[name].bgr)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return VggFeatures(
        name=f"vgg16-{name}-{_digest(layers)}",
        trained=True,
        module=Vgg16(preprocessing=name, dtype=jnp.dtype(dtype)),
        variables=_variables(layers),
    )


def random_features(seed: int = 0, width: int = WIDTH, dtype: str = "float32") -> VggFeatures:
    """Returns the network with drawn weights: He's normal kernels and no biases.

    Its maps still tell textures apart, but know nothing of faces: its name says that it is random.
    seed: of the weights. width: channels of the first maps; the cost falls with its square.

    Raises:
      InputError: the width is below 1, the seed negative, or the dtype none of `DTYPES`.
    """
    _check_dtype(dtype)
    if width < 1 or seed < 0:
        raise InputError(f"width={width}, seed={seed} given; width must be 1 or more, seed 0")
    generator = np.random.Generator(np.random.Philox(seed))
    layers, inputs = {}, 3
    for block, depth in enumerate(DEPTHS):
        for layer in range(depth):
            outputs = width * 2**block
            draw = generator.standard_normal((3, 3, inputs, outputs), dtype=np.float32)
            kernel = draw * np.float32(np.sqrt(2 / (9 * inputs)))
            layers[f"conv{block + 1}_{layer + 1}"] = (kernel, np.zeros(outputs, np.float32))
            inputs = outputs
    narrow = "" if width == WIDTH else f",width={width}"
    return VggFeatures(
        name=f"random-vgg16(seed={seed}{narrow})",
        trained=False,
        module=Vgg16(preprocessing="torchvision", width=width, dtype=jnp.dtype(dtype)),
        variables=_variables(layers),
    )


Layers = Mapping[str, tuple[np.ndarray, np.ndarray]]


def _variables(layers: Layers) -> Any:
    return {
        "params": {
            name: {"kernel": jnp.asarray(kernel), "bias": jnp.asarray(bias)}
            for name, (kernel, bias) in layers.items()
        }
    }


def _digest(layers: Layers) -> str:
    sha = hashlib.sha256()
    for name in layer_names():
        for array in layers[name]:
            sha.update(f"{name} {array.shape}\n".encode())
            sha.update(np.ascontiguousarray(array, "<f4").tobytes())
    return sha.hexdigest()[:8]


def _check_dtype(dtype: str) -> None:
    if dtype not in DTYPES:
        raise InputError(f"dtype {dtype!r} given; allowed: {', '.join(DTYPES)}")
