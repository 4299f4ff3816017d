"""Time and memory of completing one picture with an SC-FEGAN generator, as JSON.

python -m benchmarks.edit_time --config=configs/scfegan.py

"edit" is an edit of a picture of the network's size as the command and the studio make it, from
bytes to bytes; "generator" is the network alone, from 9 channels to the picture. Reading and
writing files is left out. The weights are not trained.
"""

import sys

from absl import flags

from benchmarks import network_time
from benchmarks.environment import in_milliseconds
from jaxrepro.core import cli


def define_flags() -> None:
    """Defines the command's flags."""
    network_time.define_flags(runs=10)
    flags.DEFINE_alias("num", "runs")  # Its name in commands of published results.


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    network_time.measure_and_publish(args, "edit_time", "configs/scfegan.py", measure)


def measure(config, runs: network_time.Runs) -> dict:
    """Returns milliseconds, pictures a second and the memory that it took.

    "peak_bytes" is the most that the process held until the edits were done, weights included;
    "temporary_bytes" what the generator's program needs beside weights, input and output. Null
    where it is not known.
    """
    import jax
    import numpy as np

    from jaxrepro.core.config import Settings
    from jaxrepro.papers.scfegan.inference.editing import Editor
    from jaxrepro.papers.scfegan.network.conditions import GENERATOR_CHANNELS
    from jaxrepro.papers.scfegan.network.networks import networks_from_settings
    from jaxrepro.papers.scfegan.trained import Trained

    settings = Settings(config)
    size = settings.data.size
    module, _ = networks_from_settings(settings.model, resolution=size)
    rng = np.random.default_rng(0)
    conditions = jax.device_put(rng.random((1, size, size, GENERATOR_CHANNELS), np.float32))
    variables = _draw(jax.eval_shape(module.init, jax.random.key(0), conditions), rng)
    editor = Editor(Trained(module, variables, size, "rgb", "drawn weights"))
    image = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    mask = np.zeros((size, size, 1), np.uint8)
    mask[size // 4 : -size // 4, size // 4 : -size // 4] = 1

    times = {"edit": runs.seconds(lambda: editor.edit(image, mask))}
    # Before the network is there a second time, as a program of its own.
    peak = _peak_bytes()
    generate = jax.jit(module.apply).lower(variables, conditions).compile()
    times["generator"] = runs.seconds(
        lambda: jax.block_until_ready(generate(variables, conditions))
    )
    memory = generate.memory_analysis()
    return {
        "input": list(conditions.shape),
        "num_parameters": sum(x.size for x in jax.tree.leaves(variables)),
        "milliseconds": {name: in_milliseconds(of_one) for name, of_one in times.items()},
        "pictures_per_second": {k: round(1 / float(np.median(x)), 3) for k, x in times.items()},
        "temporary_bytes": getattr(memory, "temp_size_in_bytes", None),
        "peak_bytes": peak,
    }


def _draw(structs, rng):
    """Returns arrays for `structs`, one after another, so that drawing sets no peak of memory."""
    import jax
    import numpy as np

    def draw(struct):
        array = rng.standard_normal(struct.shape, np.float32)
        array *= max(np.prod(struct.shape[:-1]), 1) ** -0.5
        return jax.device_put(array).block_until_ready()

    return jax.tree.map(draw, structs)


def _peak_bytes() -> int | None:
    """Returns the largest memory of this process so far, where the system counts it."""
    try:
        import resource
    except ImportError:  # Windows.
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


if __name__ == "__main__":
    cli.run(define_flags, main, prints_json=True)
