"""Size and time of a network here, as StableHLO and as ONNX, each run by its own runtime, as JSON.

python -m benchmarks.export_time --config=configs/hourglass.py:demo

The network is as the config starts it: what it has learnt changes neither. Needs jaxrepro[onnx].
"""

import importlib
import pathlib
import tempfile
from typing import Any

from absl import flags

from benchmarks import network_time
from benchmarks.environment import in_milliseconds
from jaxrepro.core import cli


def define_flags() -> None:
    """Defines the command's flags."""
    network_time.define_flags(runs=20)


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    network_time.measure_and_publish(args, "export_time", "configs/hourglass.py:demo", measure)


def measure(config, runs: network_time.Runs) -> dict:
    """Returns kilobytes, milliseconds and differences of the forms, by their names.

    Differences are those of the largest value from the network here, in millionths.
    """
    import jax
    import numpy as np
    from jax import export

    from jaxrepro import papers
    from jaxrepro.core.checkpoints.export import Export, write_export
    from jaxrepro.core.config import Settings
    from jaxrepro.core.exports.onnx_model import onnx_of
    from jaxrepro.core.exports.stablehlo import stablehlo_of

    task = papers.make_task(Settings(config))
    state = jax.jit(task.init)(jax.random.key(0))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "export")
        write_export(path, Export(task.model_card(), task.export(state)))
        loaded = papers.load(path)
    function = getattr(loaded, "trained", loaded).inference_function()
    rng = np.random.default_rng(0)
    inputs = [one.drawn(rng, function.sizes) for one in function.inputs]
    here = jax.jit(function.function)
    variables = jax.device_put(function.variables)
    num_bytes = sum(x.nbytes for x in jax.tree.leaves(variables))
    forms: dict[str, dict[str, Any]] = {
        "here": {"kilobytes": round(num_bytes / 1e3, 1), "difference": 0.0}
    }
    stablehlo, onnx = stablehlo_of(function), onnx_of(function, {})
    for name, form in (("stablehlo", stablehlo), ("onnx", onnx)):
        forms[name] = {
            "kilobytes": round(len(form.content) / 1e3, 1),
            "difference": round(form.about["relative_difference"] * 1e6, 4),
            "inputs": {one["name"]: one["shape"] for one in form.about["inputs"]},
        }
    onnxruntime = importlib.import_module("onnxruntime")
    read = jax.jit(export.deserialize(bytearray(stablehlo.content)).call)
    session = onnxruntime.InferenceSession(onnx.content, providers=["CPUExecutionProvider"])
    fed = {one.name: x for one, x in zip(function.inputs, inputs, strict=True)}
    for name, work in {
        "here": lambda: np.asarray(here(variables, *inputs)),
        "stablehlo": lambda: np.asarray(read(*inputs)),
        "onnx": lambda: session.run(None, fed),
    }.items():
        forms[name]["milliseconds"] = in_milliseconds(runs.seconds(work))
    return {"shapes": {name: list(x.shape) for name, x in fed.items()}, "forms": forms}


if __name__ == "__main__":
    cli.run(define_flags, main, prints_json=True)
