"""What an update costs beside another one: several configs, timed in turn in one process, as JSON.

  python -m benchmarks.update_cost --config=configs/ricap.py:small,augment=none,bs=128 \
      --beside=configs/ricap.py:small,augment=ricap,bs=128 --output=result.json

Each round runs every update a few times, one config after the other, so that whatever else slows
the machine slows all. `ratio` is the median over rounds of a config's time over the first one's.
"""

import pathlib
import runpy
import statistics
import time
from typing import Any

from absl import flags

from benchmarks.environment import environment, publish
from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_multi_string("beside", [], "Another config, FILE.py:ARGUMENT; several times.")
    flags.DEFINE_string("source", None, "data.source of all of them, in place of their own.")
    flags.DEFINE_integer("rounds", 9, "Rounds of all configs.", lower_bound=1)
    flags.DEFINE_integer("steps", 5, "Updates of a config in each round.", lower_bound=1)
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.config is None or not args.beside:
        raise InputError(
            "give --config and --beside, such as --config=A.py:demo --beside=B.py:demo"
        )

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    configs = {cli.given_config()[0].partition("=")[2]: args.config}
    configs |= {given: _config(given) for given in args.beside}
    if args.source is not None:
        for config in configs.values():
            config.data.source = args.source
    publish(
        {**environment(), **measure(configs, args.rounds, args.steps)}, "update_cost", args.output
    )


def _config(given: str) -> Any:
    """Returns the config of FILE.py:ARGUMENT; raises InputError if there is no such file."""
    file, _, argument = given.partition(":")
    if not pathlib.Path(file).is_file():
        raise InputError(f"--beside={given}: no config file {file}, seen from {pathlib.Path.cwd()}")
    return runpy.run_path(file)["get_config"](argument or None)


def measure(configs: dict[str, Any], num_rounds: int, num_steps: int) -> dict[str, Any]:
    """Returns, by config, milliseconds of an update and their ratio to the first config's."""
    import jax

    from benchmarks.step_batch import step_batch
    from jaxrepro.core.config import Settings
    from jaxrepro.papers import make_task

    updates, states, batches = {}, {}, {}
    for name, config in configs.items():
        task = make_task(Settings(config))
        batches[name] = jax.device_put(step_batch(task, config.data.get("source"))[0])
        states[name] = jax.jit(task.init)(jax.random.key(0))
        lowered = jax.jit(task.train_step, donate_argnums=0).lower(states[name], batches[name])
        updates[name] = lowered.compile()
    seconds: dict[str, list[float]] = {name: [] for name in configs}
    for number in range(num_rounds + 1):
        for name, update in updates.items():
            began = time.perf_counter()
            for _ in range(num_steps):
                states[name], _ = update(states[name], batches[name])
            jax.block_until_ready(states[name])
            if number:  # The first round warms up.
                seconds[name].append((time.perf_counter() - began) / num_steps)
    first = next(iter(seconds.values()))
    return {
        "num_rounds": num_rounds,
        "num_steps": num_steps,
        "updates": {
            name: {
                "milliseconds": round(1e3 * statistics.median(times), 2),
                **_ratios([time / other for time, other in zip(times, first, strict=True)]),
            }
            for name, times in seconds.items()
        },
    }


def _ratios(ratios: list[float]) -> dict[str, float]:
    low, high = min(ratios), max(ratios)
    return {
        "ratio": round(statistics.median(ratios), 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }


if __name__ == "__main__":
    cli.run(define_flags, main, prints_json=True)
