"""Published Inception-v3 weights, from a local file or named arrays to a feature network."""

import hashlib
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any, cast

import flax
import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.arrays.array_files import read_arrays
from jaxrepro.core.errors import InputError
from jaxrepro.metrics.features.inception import (
    NUM_FEATURES,
    PROTOCOLS,
    SIDE,
    InceptionNetwork,
    InceptionProtocol,
    module_of,
)

_BN_EPSILON = 1e-3
_BN_NAMES = ("weight", "bias", "running_mean", "running_var")


def load_inception(path: str | pathlib.Path, protocol: str | None = None) -> InceptionNetwork:
    """The network of a file of weights: .pth or .pt (needs PyTorch), .npz or .safetensors.

    The array names are those of torchvision's `inception_v3().state_dict()`, which the PyTorch
    port of the 2015 graph, pt_inception-2015-12-05, has too. See `inception_from_arrays`.

    Raises:
      InputError: the file cannot be read, or as `inception_from_arrays`.
    """
    arrays = read_arrays(path)
    try:
        return inception_from_arrays(arrays, protocol)
    except InputError as e:
        raise InputError(f"{path}: {e}") from e


def inception_from_arrays(
    arrays: Mapping[str, np.ndarray], protocol: str | None = None
) -> InceptionNetwork:
    """The network of named arrays, ready to measure with.

    Its name is "inception-PROTOCOL-HASH", where the hash is of the arrays in float32, sorted by
    name: the same weights have the same name whichever file they came from.

    Args:
      arrays: by the published names. `AuxLogits.*` and `*.num_batches_tracked` are left aside, as
        they take no part in inference.
      protocol: a key of `PROTOCOLS`; None takes "fid2015" for weights of 1008 classes and
        "torchvision-biggan" for weights of 1000.

    Raises:
      InputError: an array is missing, unused, misshapen, not of floats, not finite, or a variance
        is negative; the arrays are named. Or the protocol is unknown or for other weights.
    """
    arrays = {name: value for name, value in arrays.items() if not _takes_no_part(name)}
    name = _protocol_name(arrays, protocol)
    expected = expected_shapes(PROTOCOLS[name])
    _check(arrays, expected)
    arrays = {key: np.asarray(arrays[key], np.float32) for key in sorted(expected)}
    return InceptionNetwork(
        name=f"inception-{name}-{_digest(arrays)}",
        protocol=PROTOCOLS[name],
        variables=_folded(arrays, PROTOCOLS[name]),
    )


def expected_shapes(protocol: InceptionProtocol) -> dict[str, tuple[int, ...]]:
    """Shapes, in PyTorch's layout, of all arrays that a network needs, by their published names."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path, shape in _parameter_shapes(protocol).items():
        *modules, leaf = path
        if leaf == "kernel" and len(shape) == 4:
            height, width, num_in, num_out = shape
            layer = ".".join(modules)
            shapes[f"{layer}.conv.weight"] = (num_out, num_in, height, width)
            shapes |= {f"{layer}.bn.{name}": (num_out,) for name in _BN_NAMES}
    shapes["fc.weight"] = (protocol.num_classes, NUM_FEATURES)
    shapes["fc.bias"] = (protocol.num_classes,)
    return shapes


def _parameter_shapes(protocol: InceptionProtocol) -> dict[tuple[str, ...], tuple[int, ...]]:
    images = jax.ShapeDtypeStruct((1, SIDE, SIDE, 3), jnp.float32)
    params = jax.eval_shape(module_of(protocol).init, jax.random.key(0), images)["params"]
    flat = cast(dict[tuple[str, ...], Any], flax.traverse_util.flatten_dict(params))
    return {path: leaf.shape for path, leaf in flat.items()}


def _takes_no_part(name: str) -> bool:
    return name.startswith("AuxLogits.") or name.endswith(".num_batches_tracked")


def _protocol_name(arrays: Mapping[str, np.ndarray], given: str | None) -> str:
    if given is not None and given not in PROTOCOLS:
        raise InputError(f"protocol {given!r} given; known are {', '.join(PROTOCOLS)}")
    weight = arrays.get("fc.weight")
    if weight is None:
        raise InputError(
            "the weights have no fc.weight, by whose rows the network is told: 1008 for the graph "
            "of 2015-12-05, 1000 for torchvision's; give a whole state_dict of one of them"
        )
    rows = weight.shape[0] if weight.ndim else 0
    fitting = [name for name, p in PROTOCOLS.items() if p.num_classes == rows]
    if not fitting or (given is not None and given not in fitting):
        raise InputError(
            f"fc.weight has shape {weight.shape}"
            + (f", which is not for protocol {given!r}" if given and fitting else "")
            + "; it must be (1008, 2048) for "
            + " or ".join(n for n, p in PROTOCOLS.items() if p.num_classes == 1008)
            + ", (1000, 2048) for "
            + " or ".join(n for n, p in PROTOCOLS.items() if p.num_classes == 1000)
        )
    return given or fitting[0]


def _check(arrays: Mapping[str, np.ndarray], expected: Mapping[str, tuple[int, ...]]) -> None:
    complaints = []
    if missing := sorted(expected.keys() - arrays.keys()):
        complaints.append(f"missing: {_listed(missing)}")
    if unused := sorted(arrays.keys() - expected.keys()):
        complaints.append(f"unused: {_listed(unused)}")
    shared = sorted(expected.keys() & arrays.keys())
    misshapen = [
        f"{name} has {arrays[name].shape} for {expected[name]}"
        for name in shared
        if arrays[name].shape != expected[name]
    ]
    if misshapen:
        complaints.append(f"misshapen: {_listed(misshapen)}")
    if bad := [name for name in shared if not _is_sound(name, arrays[name])]:
        complaints.append(f"not finite floats, or a negative variance: {_listed(bad)}")
    if complaints:
        raise InputError(
            f"the weights are not those of Inception-v3: {'; '.join(complaints)}; give a whole, "
            "unchanged state_dict of the network"
        )


def _is_sound(name: str, array: np.ndarray) -> bool:
    if not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
        return False
    return not name.endswith(".running_var") or bool((array >= 0).all())


def _listed(names: Iterable[str], most: int = 5) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    sha = hashlib.sha256()
    for name, array in arrays.items():
        sha.update(f"{name} {array.shape}\n".encode())
        sha.update(np.ascontiguousarray(array, "<f4").tobytes())
    return sha.hexdigest()[:8]


def _folded(arrays: Mapping[str, np.ndarray], protocol: InceptionProtocol) -> dict[str, Any]:
    """Variables of the module: each batch norm is in the kernel and bias before it, by float64."""
    flat: dict[tuple[str, ...], np.ndarray] = {}
    for path in _parameter_shapes(protocol):
        *modules, leaf = path
        layer = ".".join(modules)
        if layer == "fc":
            flat[path] = arrays["fc.weight"].T if leaf == "kernel" else arrays["fc.bias"]
            continue
        weight, bias, mean, var = (
            arrays[f"{layer}.bn.{name}"].astype(np.float64) for name in _BN_NAMES
        )
        gain = weight / np.sqrt(var + _BN_EPSILON)
        if leaf == "kernel":
            value = arrays[f"{layer}.conv.weight"].transpose(2, 3, 1, 0) * gain
        else:
            value = bias - mean * gain
        flat[path] = value.astype(np.float32)
    return {"params": jax.tree.map(jnp.asarray, flax.traverse_util.unflatten_dict(flat))}
