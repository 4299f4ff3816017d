"""Time, compilation and memory of a config's training step, as JSON.

python -m benchmarks.step_time --config=configs/biggan32.py:demo --output=result.json

The update is compiled as the training loop compiles it and run on one batch of the config's own
training data, each run fenced: data loading, logging and checkpoints are left out. What the fields
mean is in docs/benchmarks.md.
"""

import resource
import sys
import time

from absl import flags

from benchmarks.environment import environment, publish
from benchmarks.unused_flags import refuse
from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_integer("steps", 30, "Timed updates.", lower_bound=1)
    flags.DEFINE_integer("warmup", 3, "Updates before them.", lower_bound=0)
    flags.DEFINE_boolean(
        "without_settings",
        False,
        "Leave out the XLA flags and allocator settings for CPU.",
    )
    flags.DEFINE_multi_integer(
        "peak_side", [1024, 2048], "Sides of the matrices that measure a CPU's peak.", lower_bound=1
    )
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.config is None:
        raise InputError("no config given; for example --config=configs/biggan32.py:demo")

    from jaxrepro.core.machine import runtime

    if not args.without_settings:
        runtime.set_for_speed()

    import jax

    if (device := jax.devices()[0]).platform != "cpu":
        refuse(
            args,
            ("peak_side", "without_settings"),
            f"on {device.device_kind}, whose peak is a published one and which needs no settings; "
            "leave it out, or run on a CPU with JAX_PLATFORMS=cpu",
        )
    result = measure(
        args.config, num_steps=args.steps, num_warmup=args.warmup, peak_sides=args.peak_side
    )
    publish(result, "step_time", args.output)


def measure(config, *, num_steps: int, num_warmup: int, peak_sides: list[int]) -> dict:
    """Returns device, versions, compile seconds, step milliseconds, operations and memory.

    "examples_per_second" counts, of GANs, the real examples of all discriminator steps.
    """
    import jax
    import numpy as np

    from benchmarks.device_peaks import utilisation
    from benchmarks.program_cache import compile_twice
    from benchmarks.step_batch import step_batch
    from jaxrepro.core.analysis.flops import count_operations
    from jaxrepro.core.config import Settings
    from jaxrepro.core.devices import platform
    from jaxrepro.papers import make_task

    task = make_task(Settings(config))
    rows, origin = step_batch(task, config.data.get("source"))
    batch = jax.device_put(rows)
    key = jax.random.key(0)
    abstract = jax.eval_shape(task.init, key)
    count = count_operations(task.train_step, abstract, batch)
    with platform.traced_for_accelerators():
        model = count_operations(lambda *args: task.train_step(*args), abstract, batch)
    update, compiled = compile_twice(
        lambda: jax.jit(task.train_step, donate_argnums=0).lower(abstract, batch)
    )
    state = jax.jit(task.init)(key)

    times = []
    for _ in range(num_warmup + num_steps):
        began = time.perf_counter()
        state, scalars = jax.block_until_ready(update(state, batch))
        times.append(time.perf_counter() - began)
    times = np.asarray(times[num_warmup:])
    finite = all(np.isfinite(x) for x in jax.device_get(scalars).values())
    memory_used = _peak_memory(jax.devices()[0])

    costs = update.cost_analysis() or {}
    examples = next(iter(task.batch_spec.values())).num_examples
    memory = update.memory_analysis()
    seconds = float(np.median(times))
    return {
        **environment(),
        "config": " ".join(cli.given_config()),
        "batch": {name: list(spec.shape) for name, spec in task.batch_spec.items()},
        "batch_content": origin,
        "num_steps": num_steps,
        "compile_seconds": round(compiled.seconds, 2),
        "trace_seconds": round(compiled.trace_seconds, 2),
        "compile_from_cache_seconds": _rounded(compiled.from_cache_seconds),
        "step_ms": {
            "median": round(seconds * 1e3, 2),
            "p10": round(float(np.percentile(times, 10)) * 1e3, 2),
            "p90": round(float(np.percentile(times, 90)) * 1e3, 2),
        },
        "examples_per_second": round(examples / seconds, 2),
        # Of the optimised program; a loop's body counts once, and on CPU there are no loops.
        "flops_per_step": costs.get("flops"),
        "bytes_accessed_per_step": costs.get("bytes accessed"),
        # Of convolutions and products, loops at their length. Some are rewritten for CPU into
        # forms with more operations; the model's are those of the plain form.
        "contraction_flops_per_step": count.contractions,
        "contraction_flops_per_second": round(count.contractions / seconds),
        "model_flops_per_step": model.contractions,
        **utilisation(model.contractions / seconds, jax.devices()[0], peak_sides),
        "elementwise_flops_per_step": count.elementwise,
        "temporary_bytes": getattr(memory, "temp_size_in_bytes", None),
        "argument_bytes": getattr(memory, "argument_size_in_bytes", None),
        **memory_used,
        "losses_finite": finite,
    }


def _peak_memory(device) -> dict:
    """Returns the most memory so far: of the process, and of the device where it tells.

    A step was compiled and run by then, so a small network's figure is that of the compiler.
    """
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    stats = device.memory_stats() or {}
    return {
        # macOS counts bytes.
        "peak_process_bytes": kilobytes if sys.platform == "darwin" else 1024 * kilobytes,
        "peak_device_bytes": stats.get("peak_bytes_in_use"),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)


if __name__ == "__main__":
    cli.run(define_flags, main, prints_json=True)
