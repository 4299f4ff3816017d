"""The BigGAN-deep modules of TF-Hub, by the names that Hugging Face's code has for their arrays.

Their standing statistics are constants of the graph, not variables: per norm, in the order of the
network, one tensor "module_apply_default/stack_N:0" [51, C] of means and one of variances, N
rising. An .npz for `port.py` holds them beside the variables.
"""

from typing import Any

import numpy as np

from jaxrepro.core.arrays.published_arrays import Arrays, Variables, shape_of
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.network.deep import DeepGenerator
from jaxrepro.papers.biggan.porting.port_huggingface import EPSILON, generator_from_huggingface
from jaxrepro.papers.biggan.porting.port_tfhub import block_name, num_blocks, plain_names

_FIRST = "Generator/GenZ/G_linear"
_STACK = "module_apply_default/stack_"
_NORMS_OF_BLOCK = 4


def generator_from_tfhub_deep(
    arrays: Arrays, *, bn_epsilon: float = EPSILON
) -> tuple[DeepGenerator, Variables, dict[str, Any]]:
    """Returns (module, variables, table) as `generator_from_huggingface` does.

    arrays: the TensorFlow variables of a BigGAN-deep module of 128, 256 or 512 pixels and its
    standing statistics, by the names they have there.

    Raises:
      InputError: an array is missing, not used, or of the wrong shape; it is named, by Hugging
        Face's name if it has one.
    """
    return generator_from_huggingface(huggingface_names(arrays), bn_epsilon=bn_epsilon)


def huggingface_names(arrays: Arrays) -> dict[str, np.ndarray]:
    """Returns the same network as Hugging Face's code names and orders its arrays.

    Raises InputError that names an array without which this cannot be done.
    """
    rest = dict(plain_names(arrays))
    renamed: dict[str, np.ndarray] = {}

    def take(name: str) -> np.ndarray:
        if name not in rest:
            raise InputError(f"the array {name} is missing")
        return rest.pop(name)

    def layer(theirs: str, ours: str, *, bias: bool) -> None:
        weight = take(f"{theirs}/w")
        weight = weight.transpose(3, 2, 0, 1) if weight.ndim == 4 else weight.T
        matrix = weight.reshape(len(weight), -1).astype(np.float64)
        start = take(f"{theirs}/u0")
        if start.shape != matrix.shape[:1]:
            raise InputError(f"{theirs}/u0 is {start.shape} instead of {matrix.shape[:1]}")
        # One step from the stored vector, which TensorFlow's graph makes in every run.
        v = _unit(matrix.T @ start)
        renamed[f"{ours}.weight_orig"] = weight
        renamed[f"{ours}.weight_u"], renamed[f"{ours}.weight_v"] = _unit(matrix @ v), v
        if bias:
            renamed[f"{ours}.bias"] = take(f"{theirs}/b")

    count = num_blocks(rest)
    attention = _blocks_before_attention(rest, count)
    norms = []
    for block in range(count):
        theirs = block_name(block)
        ours = f"generator.layers.{block + (attention is not None and block >= attention)}"
        for i in range(_NORMS_OF_BLOCK):
            layer(f"{theirs}/conv{i}", f"{ours}.conv_{i}", bias=True)
            norm = f"{theirs}/BatchNorm" + (f"_{i}" if i else "")
            for part in ("scale", "offset"):
                layer(f"{norm}/{part}", f"{ours}.bn_{i}.{part}", bias=False)
            norms.append(f"{ours}.bn_{i}")
    if attention is not None:
        ours = f"generator.layers.{attention}"
        for part in ("theta", "phi", "g", "o_conv"):
            layer(f"Generator/attention/{part}", f"{ours}.snconv1x1_{part}", bias=False)
        renamed[f"{ours}.gamma"] = take("Generator/attention/gamma")
    layer(_FIRST, "generator.gen_z", bias=True)
    layer("Generator/conv_to_rgb", "generator.conv_to_rgb", bias=True)
    renamed["generator.bn.weight"] = take("Generator/BatchNorm/scale")
    renamed["generator.bn.bias"] = take("Generator/BatchNorm/offset")
    renamed["embeddings.weight"] = take("linear/w").T
    stacks = sorted((n for n in rest if n.startswith(_STACK)), key=lambda n: int(n[len(_STACK) :]))
    norms.append("generator.bn")
    if len(stacks) != 2 * len(norms):
        raise InputError(
            f"there are {len(stacks)} arrays {_STACK}N, of standing statistics; {len(norms)} norms "
            f"have {2 * len(norms)}, a mean and a variance each"
        )
    for norm, mean, variance in zip(norms, stacks[::2], stacks[1::2], strict=True):
        renamed[f"{norm}.running_means"] = rest.pop(mean)
        renamed[f"{norm}.running_vars"] = rest.pop(variance)
    return renamed | rest


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(np.linalg.norm(vector), EPSILON)


def _blocks_before_attention(arrays: Arrays, count: int) -> int | None:
    """Returns the number of blocks before the attention, the last with as many output channels."""
    if "Generator/attention/theta/w" not in arrays:
        return None
    channels = shape_of(arrays, "Generator/attention/theta/w", 4)[2]
    # A stage's first block keeps the width, its last one changes it or not.
    after = [
        block + 1
        for block in range(1, count, 2)
        if shape_of(arrays, f"{block_name(block)}/conv3/w", 4)[3] == channels
    ]
    if len(after) != 1:
        raise InputError(
            f"Generator/attention/theta/w is for maps of {channels} channels, which "
            f"{len(after) or 'no'} stages of blocks have: its place is not known"
        )
    return after[0]
