"""Stand-ins for weights of PyTorch's stacked hourglasses: names and shapes, values by a rule."""

import zlib

import numpy as np


def by_rule(name, shape):
    """The values that the golden script gave the published code for an array of that name."""
    x = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if name.endswith("running_var"):
        x = np.exp(0.3 * x)
    elif len(shape) == 4:
        x = x / np.sqrt(np.prod(shape[1:]))
    elif name.endswith("weight"):
        x = 1 + 0.2 * x
    else:
        x = 0.1 * x
    return np.asarray(x, np.float32)


def convolution(name, inputs, outputs, side=1):
    return {f"{name}.weight": (outputs, inputs, side, side), f"{name}.bias": (outputs,)}


def norm(name, channels):
    leaves = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{leaf}": (channels,) for leaf in leaves}


def block(name, inputs, outputs):
    half = outputs // 2
    shapes = norm(f"{name}.bn1", inputs) | convolution(f"{name}.conv1", inputs, half)
    shapes |= norm(f"{name}.bn2", half) | convolution(f"{name}.conv2", half, half, 3)
    shapes |= norm(f"{name}.bn3", half) | convolution(f"{name}.conv3", half, outputs)
    if inputs != outputs:
        shapes |= convolution(f"{name}.downsample.0", inputs, outputs)
    return shapes


def state_dict(features, num_stacks, num_blocks, num_joints):
    """The arrays of a stacked hourglass, all but the counters of batches."""
    shapes = convolution("conv1", 3, features // 4, 7) | norm("bn1", features // 4)
    shapes |= block("layer1.0", features // 4, features // 2)
    shapes |= block("layer2.0", features // 2, features) | block("layer3.0", features, features)
    for s in range(num_stacks):
        for level in range(4):
            for part in range(4 if level == 0 else 3):
                for i in range(num_blocks):
                    shapes |= block(f"hg.{s}.hg.{level}.{part}.{i}", features, features)
        for i in range(num_blocks):
            shapes |= block(f"res.{s}.{i}", features, features)
        shapes |= convolution(f"fc.{s}.0", features, features) | norm(f"fc.{s}.1", features)
        shapes |= convolution(f"score.{s}", features, num_joints)
        if s < num_stacks - 1:
            shapes |= convolution(f"fc_.{s}", features, features)
            shapes |= convolution(f"score_.{s}", num_joints, features)
    return {name: by_rule(name, shape) for name, shape in shapes.items()}
