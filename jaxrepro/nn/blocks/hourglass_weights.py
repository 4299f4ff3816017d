"""Weights of stacked hourglasses that were trained in PyTorch, as a module and its variables."""

import re

import jax.numpy as jnp

from jaxrepro.core.arrays.published_arrays import (
    Arrays,
    Path,
    Variables,
    fill_variables,
    kernel_from_pytorch,
    shape_of,
)
from jaxrepro.core.errors import InputError
from jaxrepro.nn.blocks.stacked_hourglass import StackedHourglass

# The numbers that the code has for the parts of an hourglass.
_PARTS = {"skip": 0, "encoder": 1, "decoder": 2, "bottom": 3}
# From our name of a module, with a stack's or block's number in it, to the published one.
_MODULES = {
    "stem_conv": "conv1",
    "stem_norm": "bn1",
    r"stem_(\d+)": r"layer\1.0",
    r"hourglass_(\d+)": r"hg.\1.hg",
    r"after_(\d+)_(\d+)": r"res.\1.\2",
    r"feature_conv_(\d+)": r"fc.\1.0",
    r"feature_norm_(\d+)": r"fc.\1.1",
    r"score_(\d+)": r"score.\1",
    r"feature_return_(\d+)": r"fc_.\1",
    r"score_return_(\d+)": r"score_.\1",
    r"norm_(\d)": r"bn\1",
    r"conv_(\d)": r"conv\1",
    "shortcut": "downsample",
    "conv": "0",
}
_LEAVES = {"kernel": "weight", "gain": "weight", "mean": "running_mean", "var": "running_var"}


def hourglass_from_pytorch(state_dict: Arrays) -> tuple[StackedHourglass, Variables]:
    """Returns (module, variables) with `module.apply(variables, images, train=False)` -> scores.

    state_dict: the arrays of a stacked hourglass of bearpaw/pytorch-pose, or of the code of "Fast
    Human Pose Estimation", which has the same names; read by `core.arrays.array_files.read_arrays`.
    Stacks, width, blocks, depth and joints are read from names and shapes. Names may begin with
    "module.", as those of a network on several devices do. The images are those that the network
    was trained on: in pytorch-pose, RGB in [0, 1] minus the mean colour of the data set.

    Raises:
      InputError: an array is missing, not used, or of the wrong shape; it is named.
    """
    arrays = {
        name.removeprefix("module."): array
        for name, array in state_dict.items()
        if not name.endswith("num_batches_tracked")  # No output depends on it.
    }
    module = _module_of(arrays)
    side = 4 * 2**module.depth
    described = (
        f"an hourglass of {module.num_stacks} stacks, width {module.features} and "
        f"{module.num_blocks} blocks"
    )
    images = (jnp.zeros((1, side, side, 3)),)
    return module, fill_variables(
        module, images, arrays, _published_name, _layout, described=described
    )


def _module_of(arrays: Arrays) -> StackedHourglass:
    features = 4 * shape_of(arrays, "conv1.weight", 4)[0]
    num_joints = shape_of(arrays, "score.0.weight", 4)[0]

    def count(pattern: str) -> int:
        numbers = {match[1] for name in arrays if (match := re.match(pattern, name))}
        if not numbers:
            raise InputError(
                f"no array's name matches {pattern!r}: this is not a state_dict of pytorch-pose's "
                f"hourglass; it has {', '.join(list(arrays)[:5])}"
            )
        return len(numbers)

    return StackedHourglass(
        num_stacks=count(r"hg\.(\d+)\."),
        features=features,
        num_blocks=count(r"hg\.0\.hg\.0\.0\.(\d+)\."),
        num_joints=num_joints,
        depth=count(r"hg\.0\.hg\.(\d+)\."),
        wide_stem=shape_of(arrays, "layer2.0.conv3.weight", 4)[0] == features,
    )


def _published_name(path: Path) -> str:
    *modules, leaf = path
    return ".".join([*map(_published_module, modules), _LEAVES.get(leaf, leaf)])


def _published_module(name: str) -> str:
    part, *numbers = name.split("_")
    if part in _PARTS:
        level, block = numbers
        return f"{int(level) - 1}.{_PARTS[part]}.{block}"
    for ours, published in _MODULES.items():
        if match := re.fullmatch(ours, name):
            return match.expand(published)
    raise ValueError(f"a stacked hourglass has no module {name}")


def _layout(path: Path, shape: tuple[int, ...]):
    return kernel_from_pytorch(shape) if path[-1] == "kernel" else (shape, lambda array: array)
