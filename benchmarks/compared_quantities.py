"""Which figures of a benchmark's result are compared, and what must be the same for that."""

import dataclasses

# Kinds of quantities, each with a tolerance of its own.
TIME, COMPILATION, COUNT, SHARE = "time", "compilation", "count", "share"

# What must be the same, or the figures are of different things. Versions may differ: that is what
# one compares.
CONDITIONS = (
    *("device", "processor", "num_cpus", "xla_flags", "config", "batch", "input", "crops"),
    # Of input_pipeline. Prepared images come into memory with time.
    *("source", "size", "batch_size", "num_workers", "num_threads", "kept_in_memory"),
    *("examples_in_source", "seconds", "parts", "with_updates.num_steps"),
    # Of start_time and edit_time.
    *("programs_at_first", "num_parameters"),
    # Of scaling.
    *("num_classes", "dtype", "assumptions.utilisation", "assumptions.latency_us", "figures"),
)

# Today's keys of what input_pipeline wrote under other ones before it measured any examples.
RENAMED = {
    "images_in_source": "examples_in_source",
    "images_per_second": "examples_per_second",
    "image_cpu_ms": "example_cpu_ms",
}


@dataclasses.dataclass(frozen=True)
class Quantity:
    """A figure of a result: its name, its key with dots, and its kind, which gives the tolerance.

    low and high: keys of the ends of the range of its repetitions, each a number or a list of which
    the least or greatest counts; None for what is measured once. more_is_better: as of a rate.
    """

    name: str
    key: str
    kind: str
    low: str | None = None
    high: str | None = None
    more_is_better: bool = False


QUANTITIES = (
    # Of step_time.
    Quantity("update, ms", "step_ms.median", TIME, "step_ms.p10", "step_ms.p90"),
    # Of enlarging_time and pose_time.
    Quantity("run, ms", "milliseconds.median", TIME, "milliseconds.min", "milliseconds.max"),
    # Of edit_time.
    *(
        Quantity(
            f"{part}, ms",
            f"milliseconds.{part}.median",
            TIME,
            f"milliseconds.{part}.min",
            f"milliseconds.{part}.max",
        )
        for part in ("edit", "generator")
    ),
    # Of start_time.
    Quantity("start, s", "warm.seconds", TIME, "warm_seconds", "warm_seconds"),
    Quantity("start, CPU s", "warm.cpu_seconds", TIME, "warm_cpu_seconds", "warm_cpu_seconds"),
    Quantity("first start, s", "first.seconds", COMPILATION),
    Quantity("first start, CPU s", "first.cpu_seconds", COMPILATION),
    # Of input_pipeline.
    Quantity(
        "examples a second",
        "examples_per_second.median",
        TIME,
        "examples_per_second.min",
        "examples_per_second.max",
        more_is_better=True,
    ),
    Quantity(
        "an example, CPU ms",
        "example_cpu_ms.median",
        TIME,
        "example_cpu_ms.min",
        "example_cpu_ms.max",
    ),
    Quantity("update with its data, ms", "with_updates.ms_per_update", TIME),
    Quantity("share waiting for data", "with_updates.share_waiting", SHARE),
    # Of step_time, and the first of them of scaling.
    Quantity("compilation, s", "compile_seconds", COMPILATION),
    Quantity("tracing, s", "trace_seconds", COMPILATION),
    Quantity("compilation from the cache, s", "compile_from_cache_seconds", COMPILATION),
    Quantity("operations that the network needs", "model_flops_per_step", COUNT),
    Quantity("memory of state and batch, bytes", "argument_bytes", COUNT),
    Quantity("memory of an update, bytes", "temporary_bytes", COUNT),
    Quantity("memory of the process, bytes", "peak_process_bytes", COUNT),
    Quantity("memory of the device, bytes", "peak_device_bytes", COUNT),
    # Of edit_time.
    Quantity("memory of the process until the edits were done, bytes", "peak_bytes", COUNT),
    # Of scaling, for each number of devices and each machine.
    Quantity("collectives in a step", "collectives_a_step", COUNT),
    Quantity("collectives one after the other", "dependent_exchanges_a_step", COUNT),
    Quantity("sent, bytes", "sent_bytes_a_step", COUNT),
    Quantity("operations of a device", "operations_of_a_device", COUNT),
    Quantity("memory of a device, bytes", "memory_of_a_device.total", COUNT),
    Quantity("predicted without overlap, ms", "step_ms_without_overlap", COUNT),
    Quantity("predicted with overlap, ms", "step_ms_with_overlap", COUNT),
)
