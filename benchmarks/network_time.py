"""What benchmarks of a network at work share: their flags, the runs and the record of a result."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from absl import flags

from benchmarks.environment import environment, publish
from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


@dataclasses.dataclass(frozen=True)
class Runs:
    """How often work is done: `num_warmup` times, and then `num` times with a stopwatch."""

    num: int
    num_warmup: int

    def seconds(self, work: Callable[[], object]) -> list[float]:
        """Returns how long each timed run of `work` took; `work` waits until it is done."""
        times = []
        for _ in range(self.num_warmup + self.num):
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
        return times[self.num_warmup :]


def define_flags(*, runs: int) -> None:
    """Defines --config, --runs, --warmup and --output. runs: how many are timed by default."""
    cli.define_config()
    flags.DEFINE_integer("runs", runs, "Timed runs.", lower_bound=1)
    flags.DEFINE_integer("warmup", 2, "Runs before them.", lower_bound=1)
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")


def measure_and_publish(
    args: flags.FlagValues, name: str, example: str, measure: Callable[[Any, Runs], dict[str, Any]]
) -> None:
    """Measures the config of the flags, with the settings of every command, and publishes it.

    name: of the benchmark. example: a config, for the message if none is given. measure: returns
    what was measured; devices, versions, the config and the number of runs come before it.
    """
    if args.config is None:
        raise InputError(f"no config given; for example --config={example}")

    from jaxrepro.core.machine import runtime

    runtime.set_for_speed()
    measured = measure(args.config, Runs(args.runs, args.warmup))
    config = " ".join(cli.given_config())
    publish(
        {**environment(), "config": config, "num_runs": args.runs, **measured}, name, args.output
    )
