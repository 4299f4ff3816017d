"""HED, the network whose edges the paper's sketches are made of (Xie and Tu, ICCV 2015).

Its published weights are not free to pass on: give a file of them as converted for PyTorch. The
steps after the network, from a map of edges to thin lines, are those of pix2pix's sketches.
"""

import pathlib
from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.arrays.array_files import read_arrays
from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.faces.sketches import without_short_lines

# Blue, green, red, as the network was trained.
_MEAN = (104.00698793, 116.66876762, 122.67891434)
_DEPTHS = (2, 2, 3, 3, 3)
_BLOCKS = ("One", "Two", "Thr", "Fou", "Fiv")
_PADDING = 128
_THRESHOLD = 25 / 255
_MIN_LENGTH = 5
_NMS_SLACK = 1.01
_NOISY_BORDER = 5


class HolisticEdges(nn.Module):
    """Probabilities of edges at every pixel, float32 [B, H, W, 1].

    Five blocks of VGG-16 without its classifier; one score of each, enlarged to the picture, and a
    weighted sum of the five.

    Attributes:
      widths: channels of the five blocks.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512, 512)

    @nn.compact
    def __call__(self, images: jax.Array) -> jax.Array:
        """images: float32 [B, H, W, 3], RGB in 0..255; H and W at least 16."""
        x = images[..., ::-1] - jnp.array(_MEAN)
        scores = []
        for block, (width, depth) in enumerate(zip(self.widths, _DEPTHS)):
            if block:
                x = nn.max_pool(x, (2, 2), strides=(2, 2))
            for layer in range(depth):
                x = nn.relu(nn.Conv(width, (3, 3), name=f"block{block}_conv{layer}")(x))
            score = nn.Conv(1, (1, 1), name=f"score{block}")(x)
            shape = (*images.shape[:3], 1)
            scores.append(jax.image.resize(score, shape, "bilinear"))
        combined = nn.Conv(1, (1, 1), name="combine")(jnp.concatenate(scores, axis=-1))
        return nn.sigmoid(combined)


def edges_from_pytorch(arrays: Mapping[str, np.ndarray]) -> tuple[HolisticEdges, dict]:
    """The network and its variables from a state_dict of HED as it was converted for PyTorch.

    arrays: `moduleVggOne.0.weight` and so on, or the same names with `net` for `module`. Raises
    InputError for missing, unknown or wrongly shaped arrays.
    """
    rest = {name.removeprefix("module").removeprefix("net"): x for name, x in arrays.items()}
    params = {}
    for block, depth in enumerate(_DEPTHS):
        # The first module of all blocks but the first is the pool.
        first = 1 if block else 0
        for layer in range(depth):
            name = f"Vgg{_BLOCKS[block]}.{first + 2 * layer}"
            params[f"block{block}_conv{layer}"] = _take(rest, name, 3)
        params[f"score{block}"] = _take(rest, f"Score{_BLOCKS[block]}", 1)
    params["combine"] = _take(rest, "Combine.0", 1)
    if rest:
        raise InputError(f"arrays that HED does not have: {', '.join(sorted(rest)[:5])}")
    widths = tuple(params[f"block{block}_conv0"]["bias"].shape[0] for block in range(5))
    network = HolisticEdges(widths)
    expected = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 16, 16, 3)))["params"]
    for layer, leaves in expected.items():
        for leaf, array in leaves.items():
            if params[layer][leaf].shape != array.shape:
                raise InputError(
                    f"{layer} {leaf} of HED has the shape {params[layer][leaf].shape}, not "
                    f"{array.shape}"
                )
    return network, {"params": params}


def lines_of_edges(edges: np.ndarray) -> np.ndarray:
    """Lines one pixel wide along the ridges of a map of edges, uint8 {0, 1} [H, W, 1].

    Pixels that are not the largest across their edge are suppressed, what is left is binarised and
    thinned, and the shortest lines are dropped.

    edges: float [H, W] in [0, 1].
    """
    from skimage.morphology import thin

    ridges = _suppress_non_maxima(edges.astype(np.float64))
    return without_short_lines(thin(ridges >= _THRESHOLD), _MIN_LENGTH)


class EdgeSketcher:
    """Sketches of pictures by HED: uint8 [H, W, 3] -> uint8 {0, 1} [H, W, 1].

    The contrast of the picture is equalised locally (CLAHE) for it, as the authors say.
    """

    def __init__(self, network: HolisticEdges, variables: dict):
        # Runs while data are prepared, where no loop is.
        self._apply = jax.jit(network.apply)
        self._variables = variables

    @classmethod
    def from_file(cls, path: pathlib.Path) -> "EdgeSketcher":
        """The sketcher with the weights of a file; InputError if they are not those of HED."""
        return cls(*edges_from_pytorch(read_arrays(path)))

    def edges(self, image: np.ndarray) -> np.ndarray:
        """Probabilities of edges, float32 [H, W]. image: uint8 [H, W, 3]."""
        from skimage.exposure import equalize_adapthist

        equal = equalize_adapthist(image, clip_limit=0.01)
        # Mirrored surroundings keep the picture's own border from being an edge.
        around = [(_PADDING, _PADDING)] * 2 + [(0, 0)]
        padded = np.pad(equal * 255, around, mode="symmetric").astype(np.float32)
        edges = np.asarray(self._apply(self._variables, padded[np.newaxis]))[0, ..., 0]
        return edges[_PADDING:-_PADDING, _PADDING:-_PADDING]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The sketch of a picture."""
        return lines_of_edges(self.edges(image))


def _take(arrays: dict[str, np.ndarray], name: str, side: int) -> dict[str, np.ndarray]:
    for full in (name, f"{name}.0"):
        if f"{full}.weight" in arrays:
            break
    else:
        raise InputError(f"the array {name}.weight of HED is missing")
    kernel = np.asarray(arrays.pop(f"{full}.weight"), np.float32)
    if f"{full}.bias" not in arrays:
        raise InputError(f"the array {full}.bias of HED is missing")
    bias = np.asarray(arrays.pop(f"{full}.bias"), np.float32)
    if kernel.ndim != 4 or kernel.shape[2:] != (side, side) or bias.ndim != 1:
        raise InputError(
            f"{full} of HED has a weight of {kernel.shape} and a bias of {bias.shape}; it must "
            f"have [out, in, {side}, {side}] and [out]"
        )
    return {"kernel": kernel.transpose(2, 3, 1, 0), "bias": bias}


def _suppress_non_maxima(edges: np.ndarray) -> np.ndarray:
    """The map with 0 where a neighbour across the edge is clearly larger, float64 [H, W]."""
    from scipy import ndimage

    smooth = _triangle_filter(edges, 4)
    across_y, across_x = np.gradient(smooth)
    yy, yx = np.gradient(across_y)
    _, xx = np.gradient(across_x)
    # The direction in which the map curves most. Squares of the second derivatives are averaged,
    # because they vanish at the flanks of a ridge, where the direction would be anything.
    along_x, along_y, mixed = (
        _triangle_filter(x, 2) for x in (xx**2 + yx**2, yy**2 + yx**2, yx * (xx + yy))
    )
    angle = np.arctan2(2 * mixed, along_x - along_y) / 2
    y, x = np.mgrid[: edges.shape[0], : edges.shape[1]].astype(np.float64)
    keep = np.ones(edges.shape, bool)
    for step in (-1, 1):
        place = (y + step * np.sin(angle), x + step * np.cos(angle))
        neighbor = ndimage.map_coordinates(edges, place, order=1, mode="nearest")
        keep &= edges * _NMS_SLACK >= neighbor
    ramps = [
        np.minimum(np.minimum(np.arange(n), np.arange(n)[::-1]) / _NOISY_BORDER, 1)
        for n in edges.shape
    ]
    return edges * keep * ramps[0][:, np.newaxis] * ramps[1]


def _triangle_filter(values: np.ndarray, radius: int) -> np.ndarray:
    from scipy import ndimage

    weights = np.minimum(np.arange(1, 2 * radius + 2), np.arange(2 * radius + 1, 0, -1))
    weights = weights / weights.sum()
    for axis in (0, 1):
        values = ndimage.convolve1d(values, weights, axis=axis, mode="reflect")
    return values
