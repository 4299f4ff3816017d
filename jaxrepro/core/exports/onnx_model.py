"""ONNX: a network as a graph of that standard's operations, by jax2onnx and tried by ONNX Runtime.

Both are of the extra `onnx`. jax2onnx knows sizes by name in few operations.
"""

import functools
import importlib
import importlib.metadata
import itertools
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxrepro.core.devices.platform import traced_for_accelerators
from jaxrepro.core.errors import InputError
from jaxrepro.core.exports.inference_function import InferenceFunction
from jaxrepro.core.exports.known_values import with_known_values
from jaxrepro.core.exports.written import Attempt, Written, written
from jaxrepro.core.files.strict_json import json_text

# Of the properties of a model's file: the card, as JSON.
CARD = "jaxrepro.card"
_FATAL = 4


def onnx_of(function: InferenceFunction, card: Mapping[str, Any]) -> Written:
    """Returns the function as an ONNX model that carries the card.

    Raises InputError if jax2onnx or ONNX Runtime are absent, cannot hold or run it, or compute
    something else.
    """
    try:
        # By name: type checkers run where the extra is not installed.
        jax2onnx = importlib.import_module("jax2onnx")
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise InputError(
            f"--format=onnx needs {error.name}, which is not installed: "
            "pip install 'jaxrepro[onnx]'"
        ) from error

    onnxruntime.set_default_logger_severity(_FATAL)
    names = [one.name for one in function.inputs]
    function = function.on_host()

    def make(specs: Sequence[jax.ShapeDtypeStruct]) -> Attempt:
        with traced_for_accelerators(), _quiet():
            ready = with_known_values(lambda *inputs: function(*inputs), specs, _REPLACEMENTS)
            model = jax2onnx.to_onnx(
                ready, specs, input_names=names, output_names=[function.output]
            )
        about = {
            **function.described(specs),
            "format": "onnx",
            "opset": {one.domain or "ai.onnx": one.version for one in model.opset_import},
            "jax2onnx": importlib.metadata.version("jax2onnx"),
        }
        model.metadata_props.add(key=CARD, value=json_text({**card, **about}))
        content = model.SerializeToString()
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        return Attempt(
            content, about, lambda *inputs: session.run(None, dict(zip(names, inputs)))[0]
        )

    return written(function, "ONNX", make)


def _windows_max(params: Mapping[str, Any], x: jax.Array) -> jax.Array:
    """Returns the largest value of each window, by slices.

    jax2onnx makes a pooling over all axes of it, and ONNX Runtime has three.
    """
    window, strides = params["window_dimensions"], params["window_strides"]
    if any(map(any, params["padding"])) or {
        *params["base_dilation"],
        *params["window_dilation"],
    } != {1}:
        raise NotImplementedError("maximum pooling with padding or dilation")
    axes = [axis for axis, side in enumerate(window) if side > 1 or strides[axis] > 1]
    parts = []
    for offsets in itertools.product(*(range(window[axis]) for axis in axes)):
        index = [slice(None)] * x.ndim
        for axis, offset in zip(axes, offsets, strict=True):
            steps = (x.shape[axis] - window[axis]) // strides[axis]
            index[axis] = slice(offset, offset + steps * strides[axis] + 1, strides[axis])
        parts.append(x[tuple(index)])
    return functools.reduce(jnp.maximum, parts)


def _parts_in_a_row(params: Mapping[str, Any], *parts: jax.Array) -> jax.Array:
    """Returns the parts concatenated but for empty ones, which jax2onnx gives wrong shapes."""
    axis = params["dimension"]
    return jax.lax.concatenate([part for part in parts if part.shape[axis] != 0], axis)


def _padded(params: Mapping[str, Any], x: jax.Array, value: jax.Array) -> jax.Array:
    """Returns x padded by `jnp.pad`: jax2onnx knows sizes by name there, not in `lax.pad`."""
    widths = params["padding_config"]
    traced = isinstance(value, Tracer)
    if traced or any(low < 0 or high < 0 or inside for low, high, inside in widths):
        return jax.lax.pad(x, value, widths)
    number = np.asarray(value).item()
    return jnp.pad(x, [(low, high) for low, high, _ in widths], constant_values=number)


_REPLACEMENTS = {
    "reduce_window_max": _windows_max,
    "concatenate": _parts_in_a_row,
    "pad": _padded,
}


@contextmanager
def _quiet() -> Iterator[None]:
    """A context without what jax2onnx and its libraries say about themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
