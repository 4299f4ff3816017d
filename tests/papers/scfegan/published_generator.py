"""The authors' generator in numpy, by the names of its variables, and variables to fill it."""

import numpy as np

DOWN = [(7, 9, 1), (5, 1, 2), (5, 2, 4), (3, 4, 8), (3, 8, 8), (3, 8, 8), (3, 8, 8)]
UP = [(8, 8, 8), (8, 8, 8), (8, 8, 8), (8, 4, 4), (4, 2, 2), (2, 1, 1), (1, 0, 0)]


def published_shapes(width):
    """The 93 names and shapes; `width` is 64 in the published file."""
    shapes = {}

    def gated(name, side, inputs, outputs):
        for suffix in ("", "_g"):
            shapes[f"generator/{name}{suffix}/kernel"] = (side, side, inputs, outputs)
            shapes[f"generator/{name}{suffix}/bias"] = (outputs,)

    for i, (side, inputs, outputs) in enumerate(DOWN):
        gated(f"gconv{i + 1}_ds", side, inputs * width if i else 9, outputs * width)
    for i in range(4):
        gated(f"co_conv{i + 1}_dlt", 3, 8 * width, 8 * width)
    for i, (inputs, skip, up) in enumerate(UP):
        last = i == len(UP) - 1
        up, skip = (3, 9) if last else (up * width, skip * width)
        shapes[f"generator/deconv{i + 1}/w"] = (5, 5, up, inputs * width)
        shapes[f"generator/deconv{i + 1}/biases1"] = (up,)
        shapes[f"generator/deconv{i + 1}/biases2"] = (up,)
        gated(f"gconv{i + 8}", 3, skip + up, 3 if last else up)
    return shapes


def published_arrays(width, seed=0):
    """Drawn variables, with which what happens in the narrowest maps is seen in the result."""
    rng = np.random.default_rng(seed)

    def draw(name, shape):
        deviation = 0.1 if len(shape) == 1 else 1.5 * np.prod(shape[:-1]) ** -0.5
        if "co_conv" in name or "gconv7" in name:
            # All but the middle tap may see padding alone.
            deviation *= 3
        if name.endswith("/w"):
            # An output pixel meets a quarter of the taps. Larger than what is skipped.
            deviation = 4 * (shape[0] * shape[1] / 4 * shape[3]) ** -0.5
        return rng.normal(0, deviation, shape).astype(np.float32)

    return {name: draw(name, shape) for name, shape in published_shapes(width).items()}


def convolve(x, kernel, stride=1, dilation=1):
    """TensorFlow's SAME convolution of [H, W, I] with [h, w, I, O]."""
    side = (kernel.shape[0] - 1) * dilation + 1
    out = -(-x.shape[0] // stride)
    total = max((out - 1) * stride + side - x.shape[0], 0)
    padded = np.pad(x, [(total // 2, total - total // 2)] * 2 + [(0, 0)])
    y = 0
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            rows, columns = (
                slice(d * dilation, d * dilation + (out - 1) * stride + 1, stride) for d in (i, j)
            )
            y = y + padded[rows, columns] @ kernel[i, j]
    return y


def deconvolve(x, kernel):
    """Every input pixel adds its multiple of the kernel [h, w, O, I] at twice its place."""
    size = x.shape[0]
    y = np.zeros((2 * size + 3, 2 * size + 3, kernel.shape[2]))
    for i in range(5):
        for j in range(5):
            y[i : i + 2 * size : 2, j : j + 2 * size : 2] += x @ kernel[i, j].T
    return y[1 : 1 + 2 * size, 1 : 1 + 2 * size]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def local_response(x):
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        near = x[..., max(c - 5, 0) : c + 6]
        y[..., c] = x[..., c] / np.sqrt(5e-5 + (near**2).sum(axis=-1))
    return y


def generate(arrays, x, gate="self", taps=True):
    """The picture [S, S, 3] of conditions [S, S, 9], in float64. taps: False leaves the outer taps
    of the dilations 4, 8 and 16 out."""
    arrays = {name.removeprefix("generator/"): a.astype(np.float64) for name, a in arrays.items()}

    def gated(name, x, stride=1, dilation=1, norm=True, activation=True):
        kernels = {}
        for suffix in ("", "_g"):
            kernels[suffix] = arrays[f"{name}{suffix}/kernel"]
            if dilation > 2 and not taps:
                kernels[suffix] = kernels[suffix][1:2, 1:2]
        feature = convolve(x, kernels[""], stride, dilation) + arrays[f"{name}/bias"]
        other = convolve(x, kernels["_g"], stride, dilation) + arrays[f"{name}_g/bias"]
        feature = local_response(feature) if norm else feature
        return (leaky(feature) if activation else feature) * sigmoid(other)

    skips = [x]
    for i in range(7):
        skips.append(gated(f"gconv{i + 1}_ds", skips[-1], stride=2, norm=i > 0))
    x = skips.pop()
    for i in range(4):
        x = gated(f"co_conv{i + 1}_dlt", x, dilation=2 ** (i + 1))
    for i in range(7):
        up = deconvolve(x, arrays[f"deconv{i + 1}/w"])
        feature = leaky(up + arrays[f"deconv{i + 1}/biases1"])
        other = feature if gate == "self" else up + arrays[f"deconv{i + 1}/biases2"]
        joined = np.concatenate([skips.pop(), feature * sigmoid(other)], axis=-1)
        x = gated(f"gconv{i + 8}", joined, norm=i < 6, activation=i < 6)
    return np.tanh(x)
