"""Time of a super-resolution network over one picture, as JSON.

python -m benchmarks.enlarging_time --config=configs/srcnn.py:arch=9-5-5 --size=512

The network runs as `upscale` and the evaluation of a picture run it: exact tiles, each layer's map
extended by its edge values, from numpy to numpy. The interpolation before it is left out.
"""

import functools

from absl import flags

from benchmarks import network_time
from benchmarks.environment import in_milliseconds
from jaxrepro.core import cli


def define_flags() -> None:
    """Defines the command's flags."""
    network_time.define_flags(runs=20)
    flags.DEFINE_integer("size", 512, "Side of the network's input in pixels.", lower_bound=1)


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    network_time.measure_and_publish(
        args, "enlarging_time", "configs/srcnn.py", functools.partial(measure, size=args.size)
    )


def measure(config, runs: network_time.Runs, *, size: int) -> dict:
    """Returns milliseconds a picture of [size, size] input pixels."""
    import jax
    import numpy as np

    from jaxrepro.core.config import Settings
    from jaxrepro.papers.srcnn.network.networks import make_network
    from jaxrepro.papers.srcnn.network.tiles import TiledNetwork
    from jaxrepro.papers.srcnn.pairs.planes import COLORS

    settings = Settings(config)
    channels = len(COLORS[settings.data.color])
    module = make_network(settings.model, channels=channels, scale=settings.data.scale)
    side = 2 * module.margin + 1
    variables = jax.jit(module.init)(jax.random.key(0), np.zeros((1, side, side, channels)))
    network = TiledNetwork(module, variables)
    picture = np.random.default_rng(0).random((size, size, channels), np.float32)
    times = runs.seconds(lambda: network(picture))
    return {"input": list(picture.shape), "milliseconds": in_milliseconds(times)}


if __name__ == "__main__":
    cli.run(define_flags, main, prints_json=True)
