"""Time of a super-resolution network over one picture, as JSON.

python -m benchmarks.enlarging_time --config=configs/srcnn.py:arch=9-5-5 --size=512

The network runs as `upscale` and the evaluation of a picture run it: exact tiles, each layer's map
extended by its edge values, from numpy to numpy. The interpolation before it is left out.
"""

import time

from absl import flags

from benchmarks.environment import environment, in_milliseconds, publish
from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_integer("size", 512, "Side of the network's input in pixels.", lower_bound=1)
    flags.DEFINE_integer("runs", 20, "Timed runs.", lower_bound=1)
    flags.DEFINE_integer("warmup", 2, "Runs before them.", lower_bound=1)
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.config is None:
        raise InputError("no config given; for example --config=configs/srcnn.py")

    from jaxrepro.core import runtime

    runtime.set_for_speed()
    result = measure(args.config, size=args.size, num_runs=args.runs, num_warmup=args.warmup)
    publish(result, "enlarging_time", args.output)


def measure(config, *, size: int, num_runs: int, num_warmup: int) -> dict:
    """Returns device, versions and milliseconds a picture of [size, size] input pixels."""
    import jax
    import numpy as np

    from jaxrepro.core.config import Settings
    from jaxrepro.papers.srcnn.networks import make_network
    from jaxrepro.papers.srcnn.planes import COLORS
    from jaxrepro.papers.srcnn.tiles import TiledNetwork

    settings = Settings(config)
    channels = len(COLORS[settings.data.color])
    module = make_network(settings.model, channels=channels, scale=settings.data.scale)
    side = 2 * module.margin + 1
    variables = jax.jit(module.init)(jax.random.key(0), np.zeros((1, side, side, channels)))
    network = TiledNetwork(module, variables)
    picture = np.random.default_rng(0).random((size, size, channels), np.float32)
    times = []
    for _ in range(num_warmup + num_runs):
        began = time.perf_counter()
        network(picture)
        times.append(time.perf_counter() - began)
    times = times[num_warmup:]
    return {
        **environment(),
        "input": list(picture.shape),
        "num_runs": num_runs,
        "milliseconds": in_milliseconds(times),
    }


if __name__ == "__main__":
    cli.run(define_flags, main)
