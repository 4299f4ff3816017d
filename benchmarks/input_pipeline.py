"""Examples a second that the input pipeline yields, against what a training step needs, as JSON.

  python -m benchmarks.input_pipeline --source=array_record:DIR --size=128 --batch_size=256 \
      --step_ms=100
  python -m benchmarks.input_pipeline --config=configs/biggan128.py:demo --steps=50

With --source the pipeline alone runs: squares of one size, mirrored at random, as BigGAN's. With
--config it is the config's own, and after it the loop's order of batch, transfer and update, in
which the time is measured that the device stands still for want of data.
"""

import math
import multiprocessing
import os
import pathlib
import resource
import time
from collections.abc import Iterator
from typing import Any

from absl import flags

from benchmarks.environment import environment, publish
from benchmarks.unused_flags import refuse
from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_string("source", None, "folder:DIR, array_record:DIR or tfds:NAME, for no config.")
    flags.DEFINE_integer("size", 128, "Side of the images in pixels.", lower_bound=1)
    flags.DEFINE_integer("batch_size", 64, "Images of an update.", lower_bound=1)
    flags.DEFINE_integer("workers", 0, "Worker processes; 0 takes threads.", lower_bound=0)
    flags.DEFINE_integer("threads", 2, "Threads that assemble updates ahead.", lower_bound=0)
    flags.DEFINE_boolean(
        "memory", False, "Keep prepared images in memory where they fit, as training does."
    )
    flags.DEFINE_float("seconds", 10.0, "How long the pipeline is measured.", lower_bound=0.01)
    flags.DEFINE_integer("parts", 5, "Parts of that time, for the spread.", lower_bound=1)
    flags.DEFINE_float("step_ms", None, "Milliseconds of an update on the device to be fed.")
    flags.DEFINE_integer("steps", 30, "With --config: updates with the pipeline.", lower_bound=1)
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if (args.config is None) == (args.source is None):
        raise InputError("give one of --source=array_record:DIR and --config=FILE.py:VARIANT")
    if args.config is not None:
        refuse(
            args,
            ("size", "batch_size", "workers", "threads", "memory"),
            "with --config, whose own pipeline is measured; leave it out, or override the config's "
            "keys, such as --config.train.batch_size=64 or --config.data.num_workers=2",
        )
    else:
        refuse(
            args,
            ("steps",),
            "with --source, where no update runs; leave it out, or give --config=FILE.py:VARIANT "
            "instead of --source",
        )
    if args.memory and args.workers:
        refuse(
            args,
            ("memory",),
            f"with --workers={args.workers}, which keep no images; leave one of them out",
        )
    if args.step_ms is not None and args.step_ms <= 0:
        raise InputError(f"--step_ms={args.step_ms} given; it must be above 0")

    from jaxrepro.core.machine import runtime

    runtime.set_up()
    if args.source is not None:
        result = _of_source(args)
    else:
        result = _of_config(args)
    measured = {"seconds": args.seconds, "parts": args.parts, **result}
    publish({**environment(), **measured}, "input_pipeline", args.output)


def _of_source(args: flags.FlagValues) -> dict[str, Any]:
    from jaxrepro.data import pipeline
    from jaxrepro.data.sources import open_source
    from jaxrepro.data.transforms import square_transform

    source = open_source(args.source)
    transform = square_transform(args.size, channels=3, flip=True)
    batches = pipeline.train_iterator(
        source,
        transform,
        seed=0,
        batch_shape=(args.batch_size,),
        start_step=0,
        num_workers=args.workers,
        num_threads=args.threads,
        memory_bytes=pipeline.MEMORY_BYTES if args.memory else 0,
    )
    with batches:
        speed = pipeline_speed(batches, args.batch_size, args.seconds, args.parts)
    result = {
        "source": args.source,
        "size": args.size,
        "batch_size": args.batch_size,
        "num_workers": args.workers,
        "num_threads": args.threads,
        "examples_in_source": len(source),
        "kept_in_memory": args.memory,
        **speed,
    }
    if args.step_ms is not None:
        result |= need(args.batch_size, args.step_ms, speed)
    return result


def _of_config(args: flags.FlagValues) -> dict[str, Any]:
    import numpy as np

    from jaxrepro.core.config import Settings
    from jaxrepro.papers import make_task

    task = make_task(Settings(args.config))
    examples = next(iter(task.batch_spec.values())).num_examples
    batches = task.train_data(0, 0, 1)
    try:
        speed = pipeline_speed(batches, examples, args.seconds, args.parts)
        together = with_updates(task, batches, args.steps)
    finally:
        if hasattr(batches, "close"):
            batches.close()
    step_ms = args.step_ms or float(np.median(together.pop("update_seconds"))) * 1e3
    return {
        "config": " ".join(cli.given_config()),
        "batch_size": examples,
        **speed,
        **need(examples, step_ms, speed),
        "with_updates": together,
    }


def pipeline_speed(
    batches: Iterator[Any], num_examples: int, seconds: float, num_parts: int
) -> dict[str, Any]:
    """Returns examples a second that `batches` yields alone, and CPU milliseconds of one.

    num_examples: of a batch. The time is cut into parts of whole batches, each with figures of its
    own. The first batch comes before the clock starts: it holds the start of threads and worker
    processes. The CPU time is that of this process and its workers; that of workers is known on
    Linux alone, and elsewhere the figures that need it are None.
    """
    import numpy as np

    next(batches)
    rates, costs = [], []
    for _ in range(num_parts):
        number = 0
        began, cpu_began = time.perf_counter(), _cpu_seconds()
        while number == 0 or time.perf_counter() - began < seconds / num_parts:
            next(batches)
            number += num_examples
        rates.append(number / (time.perf_counter() - began))
        costs.append((_cpu_seconds() - cpu_began) / number * 1e3)
    result: dict[str, Any] = {"examples_per_second": _spread(rates, 1)}
    if not all(map(math.isfinite, costs)):
        return result | {"example_cpu_ms": None, "examples_per_second_per_core": None}
    return result | {
        "example_cpu_ms": _spread(costs, 4),
        "examples_per_second_per_core": round(1e3 / float(np.median(costs)), 1),
    }


def need(batch_size: int, step_ms: float, speed: dict[str, Any]) -> dict[str, Any]:
    """Returns the examples a second that updates of `step_ms` take, and the cores for them."""
    needed = batch_size / step_ms * 1e3
    per_core = speed["examples_per_second_per_core"]
    return {
        "step_ms": round(step_ms, 3),
        "examples_per_second_needed": round(needed, 1),
        "speed_over_need": round(speed["examples_per_second"]["median"] / needed, 3),
        "cores_needed": None if per_core is None else round(needed / per_core, 3),
    }


def with_updates(task: Any, batches: Iterator[Any], num_steps: int) -> dict[str, Any]:
    """Returns how the pipeline and the update get on in the order of the training loop.

    "share_waiting" is what the loop logs as speed/waiting_for_data: the share of the time in which
    no update ran because the next batch was not there. "share_in_next" is the share in which the
    loop stood in next(batches), while updates ran or not; "share_in_transfer" that of sending
    batches. "update_seconds" are those of updates alone, without data, measured before.
    """
    import jax

    from jaxrepro.core.devices import mesh as mesh_lib
    from jaxrepro.core.reports.data_wait import DataWait
    from jaxrepro.core.update.compilation import compile_step, lay_out
    from jaxrepro.core.update.first_state import FirstState

    mesh = mesh_lib.make_mesh()
    first_state = FirstState(task.init, jax.random.key(0))
    abstract, shardings = lay_out(task, mesh, first_state.shapes)
    laid_out = jax.tree.map(lambda x: x.sharding, abstract)
    state = mesh_lib.lay_over(first_state(), laid_out)
    update = compile_step(task, mesh, abstract, shardings, lambda line: None)
    batch = mesh_lib.put_batch(next(batches), shardings)
    alone = []
    for _ in range(1 + min(num_steps, 10)):
        began = time.perf_counter()
        state, _ = jax.block_until_ready(update(state, batch))
        alone.append(time.perf_counter() - began)

    wait, in_next, in_transfer, pending = DataWait(), 0.0, 0.0, None
    began = time.perf_counter()
    for _ in range(num_steps):
        asked = time.perf_counter()
        rows = wait.next(batches)
        came = time.perf_counter()
        batch = mesh_lib.put_batch(rows, shardings)
        in_next += came - asked
        in_transfer += time.perf_counter() - came
        state, scalars = update(state, batch)
        wait.started(scalars)
        if pending is not None:
            jax.block_until_ready(pending)
        pending = scalars
    jax.block_until_ready(pending)
    total = time.perf_counter() - began
    waited = wait.take()
    wait.close()
    return {
        "num_steps": num_steps,
        "ms_per_update": round(total / num_steps * 1e3, 3),
        "share_waiting": round(waited / total, 4),
        "share_in_next": round(in_next / total, 4),
        "share_in_transfer": round(in_transfer / total, 4),
        "update_seconds": alone[1:],
    }


def _cpu_seconds() -> float:
    """Returns the CPU seconds of this process and its workers; NaN where those cannot be known."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = used.ru_utime + used.ru_stime
    for worker in multiprocessing.active_children():
        path = pathlib.Path(f"/proc/{worker.pid}/stat")
        if not path.exists():
            return math.nan
        # The name, in parentheses, may hold spaces; utime and stime are fields 14 and 15.
        fields = path.read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return seconds


def _spread(values: list[float], digits: int) -> dict[str, float]:
    import numpy as np

    return {
        "median": round(float(np.median(values)), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


if __name__ == "__main__":
    cli.run(define_flags, main, prints_json=True)
