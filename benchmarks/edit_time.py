"""Time and memory of completing one picture with an SC-FEGAN generator, as JSON.

python -m benchmarks.edit_time --config=configs/scfegan.py

"edit" is an edit of a picture of the network's size as the command and the studio make it, from
bytes to bytes; "generator" is the network alone, from 9 channels to the picture. Reading and
writing files is left out. The weights are not trained.
"""

import sys
import time
from collections.abc import Callable

from absl import flags

from benchmarks.environment import environment, in_milliseconds, publish
from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_integer("num", 10, "Timed runs of each.", lower_bound=1)
    flags.DEFINE_integer("warmup", 2, "Runs before them.", lower_bound=1)
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.config is None:
        raise InputError("no config given; for example --config=configs/scfegan.py")

    from jaxrepro.core import runtime

    runtime.set_for_speed()
    result = measure(args.config, num_runs=args.num, num_warmup=args.warmup)
    publish(result, "edit_time", args.output)


def measure(config, *, num_runs: int, num_warmup: int) -> dict:
    """Returns device, versions, milliseconds, pictures a second and the memory that it took.

    "peak_bytes" is the most that the process held until the edits were done, weights included;
    "temporary_bytes" what the generator's program needs beside weights, input and output. Null
    where it is not known.
    """
    import jax
    import numpy as np

    from jaxrepro.core.config import Settings
    from jaxrepro.papers.scfegan.conditions import GENERATOR_CHANNELS
    from jaxrepro.papers.scfegan.editing import Editor
    from jaxrepro.papers.scfegan.networks import networks_from_settings
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

    def timed(work: Callable[[], object]) -> np.ndarray:
        times = []
        for _ in range(num_warmup + num_runs):
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
        return np.asarray(times[num_warmup:])

    times = {"edit": timed(lambda: editor.edit(image, mask))}
    # Before the network is there a second time, as a program of its own.
    peak = _peak_bytes()
    generate = jax.jit(module.apply).lower(variables, conditions).compile()
    times["generator"] = timed(lambda: jax.block_until_ready(generate(variables, conditions)))
    memory = generate.memory_analysis()
    return {
        **environment(),
        "input": list(conditions.shape),
        "num_parameters": sum(x.size for x in jax.tree.leaves(variables)),
        "num_runs": num_runs,
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
    cli.run(define_flags, main)
