"""Time of a config's training step, as JSON.

python -m benchmarks.step_time --config=configs/biggan32.py:demo --output=result.json

The update is compiled as the training loop compiles it and run on random images, each run fenced:
data loading, logging and checkpoints are left out.
"""

import json
import pathlib
import sys
import time

from absl import flags

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
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.config is None:
        raise InputError("no config given; for example --config=configs/biggan32.py:demo")

    from jaxrepro.core import runtime

    if not args.without_settings:
        runtime.set_for_speed()
    result = measure(args.config, num_steps=args.steps, num_warmup=args.warmup)
    result["command"] = " ".join(["python -m benchmarks.step_time", *sys.argv[1:]])
    text = json.dumps(result, indent=2)
    print(text)
    if args.output:
        from jaxrepro.core.files import write_atomically

        write_atomically(pathlib.Path(args.output), (text + "\n").encode())


def measure(config, *, num_steps: int, num_warmup: int) -> dict:
    """Returns device, versions, compile seconds, step milliseconds and images per second.

    "real_images_per_second" counts the real images of all discriminator steps.
    """
    import importlib.metadata
    import os

    import jax
    import numpy as np

    from jaxrepro.core.config import Settings, make_task
    from jaxrepro.core.flops import count_operations

    task = make_task(Settings(config))
    rng = np.random.default_rng(0)
    batch = {
        name: jax.device_put(
            rng.integers(0, 256, spec.shape).astype(spec.dtype)
            if name == "image"
            else np.zeros(spec.shape, spec.dtype)
        )
        for name, spec in task.batch_spec.items()
    }
    state = jax.jit(task.init)(jax.random.key(0))
    count = count_operations(task.train_step, state, batch)
    began = time.perf_counter()
    update = jax.jit(task.train_step, donate_argnums=0).lower(state, batch).compile()
    compile_seconds = time.perf_counter() - began

    times = []
    for _ in range(num_warmup + num_steps):
        began = time.perf_counter()
        state, scalars = jax.block_until_ready(update(state, batch))
        times.append(time.perf_counter() - began)
    times = np.asarray(times[num_warmup:])
    finite = all(np.isfinite(x) for x in jax.device_get(scalars).values())

    device = jax.devices()[0]
    costs = update.cost_analysis() or {}
    examples = next(iter(task.batch_spec.values())).num_examples
    memory = update.memory_analysis()
    return {
        "device": f"{jax.device_count()} x {device.device_kind}",
        "processor": processor_name(),
        "num_cpus": len(os.sched_getaffinity(0)),
        "versions": {
            name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "flax", "numpy")
        },
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "batch": {name: list(spec.shape) for name, spec in task.batch_spec.items()},
        "num_steps": num_steps,
        "compile_seconds": round(compile_seconds, 2),
        "step_ms": {
            "median": round(float(np.median(times)) * 1e3, 2),
            "p10": round(float(np.percentile(times, 10)) * 1e3, 2),
            "p90": round(float(np.percentile(times, 90)) * 1e3, 2),
        },
        "real_images_per_second": round(examples / float(np.median(times)), 2),
        # Of the optimised program; a loop's body counts once, and on CPU there are no loops.
        "flops_per_step": costs.get("flops"),
        # Of convolutions and products, loops at their length; per second, over the device's peak
        # it is the model FLOPs utilisation.
        "contraction_flops_per_step": count.contractions,
        "contraction_flops_per_second": round(count.contractions / float(np.median(times))),
        "elementwise_flops_per_step": count.elementwise,
        "temporary_bytes": getattr(memory, "temp_size_in_bytes", None),
        "losses_finite": finite,
    }


def processor_name() -> str:
    """Returns the CPU's own name and family where Linux tells them, else its architecture."""
    import platform

    path = pathlib.Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    facts = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
    name = facts.get("model name", platform.machine()).strip()
    return name + (f", family {facts['cpu family'].strip()}" if "cpu family" in facts else "")


if __name__ == "__main__":
    cli.run(define_flags, main)
