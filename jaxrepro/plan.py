"""Says which microbatches of a config fit into a device's memory, before anything is run.

    python -m jaxrepro.plan --config=configs/biggan128.py --device_memory=16GB --num_classes=1000

The training step is compiled a few times and XLA's own account of its memory is read. No data
set is needed if --num_classes is given.
"""

import copy
import dataclasses
import pathlib
import shlex
import time
from typing import Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_string(
        "device_memory",
        None,
        "Memory of one device that the program may use: 16GB, 16GiB or 80e9. JAX takes three "
        "quarters of a GPU's unless XLA_PYTHON_CLIENT_MEM_FRACTION says otherwise.",
    )
    flags.DEFINE_alias("device-memory", "device_memory")
    flags.DEFINE_integer(
        "devices", None, "Devices; by default those that are here, or one CPU.", lower_bound=1
    )
    flags.DEFINE_integer(
        "num_classes", None, "Plan without the data set, as for one of so many classes."
    )
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.config is None or args.device_memory is None:
        raise InputError(
            "give --config and --device_memory, such as --config=configs/biggan128.py "
            "--device_memory=16GB"
        )
    config = args.config
    if args.num_classes is not None:
        config = copy.deepcopy(config)
        config.data.source = f"described:{args.num_classes}"

    from jaxrepro.core.machine import runtime

    runtime.set_num_cpu_devices(args.devices or 1)
    runtime.set_up()

    from jaxrepro.core.analysis.step_memory import parse_bytes

    limit = parse_bytes(args.device_memory)
    report = make_report(config, limit, args.devices, cli.given_config())
    if args.output:
        from jaxrepro.core.files.strict_json import write_strict_json

        write_strict_json(pathlib.Path(args.output), report)
    print_report(report)
    check_that_one_fits(report)


def check_that_one_fits(report: dict) -> None:
    """Raises InputError with the smallest need if no option of the report fits."""
    if report["recommended"] is None:
        least = min(report["options"], key=lambda option: option["bytes_per_device"])
        raise InputError(
            f"nothing fits into {_size(report['device_memory'])} on a device: the smallest need is "
            f"{_size(least['bytes_per_device'])}, with train.microbatches={least['microbatches']}"
            f"{' and model.remat=True' if least['remat'] else ''}, of it "
            f"{_size(sum(report['state_bytes_per_device'].values()))} for the state; take more "
            "--devices, a larger --config.mesh.fsdp or a smaller batch or network"
        )


def make_report(config: Any, limit: int, num_devices: int | None, given: list[str]) -> dict:
    """Returns the plan as it is written to JSON, and prints progress.

    config: a config with train.batch_size and train.microbatches; with model.remat, both its
    values are planned for. limit: bytes on a device. given: the user's own config arguments, which
    the recommended command repeats.
    """
    import jax

    from jaxrepro.core.analysis.memory_plan import plan_memory
    from jaxrepro.core.analysis.step_memory import (
        StepLayout,
        StepMemory,
        state_bytes,
        step_memory,
        step_operations,
    )
    from jaxrepro.core.config import Settings
    from jaxrepro.core.loop import LoopSettings
    from jaxrepro.papers import make_task

    began = time.perf_counter()
    settings = Settings(config)
    loop_settings = LoopSettings.from_settings(settings)
    num_devices = num_devices or jax.device_count()
    layout = StepLayout(num_devices, loop_settings.fsdp, loop_settings.seed)
    layout.mesh()  # So that what is wrong with it is said first.
    _check_data(config)
    with_remat = "remat" in config.get("model", {})

    def task_of(microbatches: int, remat: bool) -> Any:
        changed = copy.deepcopy(config)
        changed.train.microbatches = microbatches
        if with_remat:
            changed.model.remat = remat
        return make_task(Settings(changed))

    batch_size = settings.train.at_least("batch_size", 1)
    microbatches = _candidates(batch_size, num_devices, task_of)
    analyses: dict[tuple[int, bool], StepMemory] = {}

    def measure(examples: int, remat: bool) -> int:
        print(f"{examples} examples on a device{', rematerialised' if remat else ''}: ", end="")
        task = task_of(microbatches[examples], remat)
        analyses[examples, remat] = step_memory(task, layout, print)
        return analyses[examples, remat].total

    plan = plan_memory(measure, microbatches, limit, with_remat=with_remat)

    # --- Operations: what is done for every example, and what for every pass, whatever its size.
    counts = {}
    for remat in sorted({option.remat for option in plan.options}):
        few, many = min(microbatches.values()), max(microbatches.values())
        counts[remat] = {n: step_operations(task_of(n, remat)) for n in {few, many}}
    examples = next(iter(task_of(few, False).batch_spec.values())).num_examples

    rows = []
    for option in plan.options:
        row = {
            **dataclasses.asdict(option),
            "fits": option.num_bytes <= limit,
            "bytes_per_device": option.num_bytes,
        }
        del row["num_bytes"]
        for name in ("contractions", "contraction_bytes", "elementwise"):
            values = {n: getattr(count, name) for n, count in counts[option.remat].items()}
            row[f"{name}_per_step"] = _interpolated(values, option.microbatches)
            row[f"{name}_per_example"] = row[f"{name}_per_step"] / examples
        if (analysis := analyses.get((option.examples, option.remat))) is not None:
            row["memory_analysis"] = dataclasses.asdict(analysis)
        row["arguments"] = _arguments(given, option, with_remat)
        rows.append(row)
    all_counts = [count for by_remat in counts.values() for count in by_remat.values()]
    return {
        "recommended": next(
            (row for row, option in zip(rows, plan.options) if option == plan.chosen), None
        ),
        "device_memory": limit,
        "num_devices": num_devices,
        "fsdp": loop_settings.fsdp,
        "batch_size": batch_size,
        "examples_per_step": examples,
        "backend": jax.default_backend(),
        "analysed_for": f"{num_devices} x {jax.devices()[0].device_kind}",
        "state_bytes_per_device": state_bytes(task_of(few, False), layout),
        "bytes_per_example_and_device": {
            "remat" if remat else "plain": round(slope)
            for remat, slope in plan.bytes_per_example.items()
        },
        "loops_counted_once": sum(count.counted_once for count in all_counts),
        "primitives_not_counted": sorted({n for count in all_counts for n in count.not_counted}),
        "compilations": len(analyses),
        "seconds": round(time.perf_counter() - began, 1),
        "options": rows,
    }


def _check_data(config: Any) -> None:
    """Raises the task's InputError; where only the data set is missing, with what to do."""
    from jaxrepro.core.config import Settings
    from jaxrepro.papers import make_task

    try:
        make_task(Settings(config))
    except InputError as error:
        described = copy.deepcopy(config)
        described.data.source = "described:1"
        make_task(Settings(described))
        raise InputError(f"{error}; to plan without the data set give --num_classes") from error


def _candidates(batch_size: int, num_devices: int, task_of: Any) -> dict[int, int]:
    """Returns {examples of a device in a microbatch: microbatches} of all that the task allows."""
    allowed = {}
    refusal = ""
    for number in range(1, batch_size + 1):
        if batch_size % number or (batch_size // number) % num_devices:
            continue
        try:
            task_of(number, False)
        except InputError as error:
            refusal = f" ({error})"
            continue
        allowed[batch_size // number // num_devices] = number
    if not allowed:
        raise InputError(
            f"train.batch_size={batch_size} cannot be passed through {num_devices} devices in "
            f"equal parts{refusal}; choose a multiple of {num_devices}"
        )
    return allowed


def _interpolated(values: dict[int, int], microbatches: int) -> int:
    """Returns the value at `microbatches` of the affine function through one or two values."""
    (few, low), (many, high) = min(values.items()), max(values.items())
    if few == many:
        return low
    return low + (high - low) * (microbatches - few) // (many - few)


def _arguments(given: list[str], option: Any, with_remat: bool) -> list[str]:
    changed = {"train.microbatches": option.microbatches}
    if with_remat:
        changed["model.remat"] = option.remat
    kept = [word for word in given if word.partition("=")[0][len("--config.") :] not in changed]
    return [*kept, *(f"--config.{key}={value}" for key, value in changed.items())]


def _size(num_bytes: float) -> str:
    """Returns bytes as "16.0 GB", or in a smaller unit where that says more."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if num_bytes >= factor:
            return f"{num_bytes / factor:.2f} {unit}"
    return f"{num_bytes / 1e3:.2f} kB"


def print_report(report: dict) -> None:
    """Prints the recommendation, what it rests on and all options."""
    from rich.table import Table

    from jaxrepro.core.reports.console import RunConsole

    console = RunConsole(highlight=False, soft_wrap=True)
    chosen = report["recommended"]
    if chosen is not None:
        console.print(f"recommended: python -m jaxrepro.train {shlex.join(chosen['arguments'])}")
    state = report["state_bytes_per_device"]
    console.print(
        f"state on a device: {_size(sum(state.values()))} (parameters {_size(state['params'])}, "
        f"optimiser {_size(state['opt_state'])}, moving average {_size(state['ema'])}, "
        f"statistics {_size(state['stats'])})"
    )
    slopes = report["bytes_per_example_and_device"]
    words = {"plain": "", "remat": " with rematerialisation"}
    if slopes:
        per_example = ", ".join(f"{_size(slope)}{words[name]}" for name, slope in slopes.items())
        console.print(f"activations of an example: {per_example}")
    table = Table(
        "microbatches",
        "examples a device",
        "remat",
        "memory a device",
        "fits",
        "GFLOP an example",
        "TFLOP a step",
        "MB moved an example",
        "memory is",
        title=f"batch {report['batch_size']} on {report['num_devices']} devices of "
        f"{_size(report['device_memory'])}",
    )
    for row in report["options"]:
        table.add_row(
            str(row["microbatches"]),
            str(row["examples"]),
            "yes" if row["remat"] else "no",
            _size(row["bytes_per_device"]),
            "yes" if row["fits"] else "no",
            f"{row['contractions_per_example'] / 1e9:.4g}",
            f"{row['contractions_per_step'] / 1e12:.4g}",
            f"{row['contraction_bytes_per_example'] / 1e6:.4g}",
            "compiled" if row["compiled"] else "predicted",
            style="bold" if row is chosen else None,
        )
    RunConsole(highlight=False, width=None if console.is_terminal else 130).print(table)
    console.print(
        "FLOP: of convolutions and products over all devices, for each real example of an update; "
        "MB: what these read and write. Batch norm takes its statistics over a microbatch."
    )
    if report["loops_counted_once"] or report["primitives_not_counted"]:
        console.print(
            f"not all is counted: {report['loops_counted_once']} loops of unknown length once, and "
            f"not {', '.join(report['primitives_not_counted']) or 'any'}"
        )
    console.print(
        f"analysed by XLA for {report['analysed_for']} ({report['backend']}) in "
        f"{report['compilations']} compilations, {report['seconds']} s"
    )
    if report["backend"] == "cpu":
        console.print(
            "The program is the one that accelerators run (loops kept, no rewriting for CPU), but "
            "the memory was assigned by the CPU's compiler: for a GPU or TPU it is an estimate. "
            "Leave a margin, or run this command there."
        )


if __name__ == "__main__":
    cli.run(define_flags, main)
