"""Time of a pose network's maps of a batch of crops, as JSON.

python -m benchmarks.pose_time --config=configs/hourglass.py:stacks=2 --batch_size=2

The network runs as `predict` and `evaluate` run it without the mirrored picture: uint8 crops in,
the last stack's maps out. Cutting crops and decoding maps are left out.
"""

import functools

from absl import flags

from benchmarks import network_time
from benchmarks.environment import in_milliseconds
from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    network_time.define_flags(runs=20)
    flags.DEFINE_integer("batch_size", 2, "Crops of a batch.", lower_bound=1)


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    network_time.measure_and_publish(
        args,
        "pose_time",
        "configs/hourglass.py:stacks=2",
        functools.partial(measure, batch_size=args.batch_size),
    )


def measure(config, runs: network_time.Runs, *, batch_size: int) -> dict:
    """Returns milliseconds a batch and crops a second."""
    import dataclasses

    import jax
    import numpy as np

    from jaxrepro.core.config import Settings
    from jaxrepro.papers import make_task
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
    times = runs.seconds(lambda: jax.block_until_ready(maps(variables, crops, key)))
    return {
        "crops": list(crops.shape),
        "milliseconds": in_milliseconds(times),
        "crops_per_second": round(batch_size / float(np.median(times)), 2),
    }


if __name__ == "__main__":
    cli.run(define_flags, main, prints_json=True)
