"""Time of a pose network's maps of a batch of crops, as JSON.

python -m benchmarks.pose_time --config=configs/hourglass.py:stacks=2 --batch_size=2

The network runs as `predict` and `evaluate` run it without the mirrored picture: uint8 crops in,
the last stack's maps out. Cutting crops and decoding maps are left out.
"""

import time

from absl import flags

from benchmarks.environment import environment, in_milliseconds, publish
from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_integer("batch_size", 2, "Crops of a batch.", lower_bound=1)
    flags.DEFINE_integer("runs", 20, "Timed runs.", lower_bound=1)
    flags.DEFINE_integer("warmup", 2, "Runs before them.", lower_bound=1)
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.config is None:
        raise InputError("no config given; for example --config=configs/hourglass.py:stacks=2")

    from jaxrepro.core import runtime

    runtime.set_for_speed()
    result = measure(
        args.config, batch_size=args.batch_size, num_runs=args.runs, num_warmup=args.warmup
    )
    publish(result, "pose_time", args.output)


def measure(config, *, batch_size: int, num_runs: int, num_warmup: int) -> dict:
    """Returns device, versions, milliseconds a batch and crops a second."""
    import dataclasses

    import jax
    import numpy as np

    from jaxrepro.core.config import Settings, make_task
    from jaxrepro.papers.pyranet.task import PoseEstimation

    task = make_task(Settings(config))
    if not isinstance(task, PoseEstimation):
        raise InputError("this config trains no pose network; give one of configs/hourglass.py")
    predictor = dataclasses.replace(task.predictor, flip=False)
    key = jax.random.key(0)
    crops = np.random.default_rng(0).integers(
        0, 256, (batch_size, task.size, task.size, 3), dtype=np.uint8
    )
    variables = jax.jit(lambda key: task.init(key).nets["model"].variables)(key)
    maps = jax.jit(predictor.maps).lower(variables, crops, key).compile()
    times = []
    for _ in range(num_warmup + num_runs):
        began = time.perf_counter()
        jax.block_until_ready(maps(variables, crops, key))
        times.append(time.perf_counter() - began)
    times = times[num_warmup:]
    return {
        **environment(),
        "crops": list(crops.shape),
        "num_runs": num_runs,
        "milliseconds": in_milliseconds(times),
        "crops_per_second": round(batch_size / float(np.median(times)), 2),
    }


if __name__ == "__main__":
    cli.run(define_flags, main)
