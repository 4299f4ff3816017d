"""What a config's training step would send, hold and take on many devices, computed, not run.

    python -m benchmarks.scaling --config=configs/biggan128.py --devices=512 --num_classes=1000 \\
        --output=scaling.json --plot=scaling.png

The step is compiled for N pretended CPU devices from shapes alone; what its devices exchange and
hold is read out of the optimised program. With published figures of chips and links and with the
named assumptions this gives a range of step times. `--run_steps=2` runs the program instead.
"""

import copy
import pathlib
import sys
import time
from typing import Any

from absl import flags

from benchmarks.scaling_prediction import make_prediction
from benchmarks.unused_flags import refuse
from jaxrepro.core import cli
from jaxrepro.core.errors import InputError

# The program is read and not run: machine code need not be fast.
_NOT_RUN = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_integer("devices", 512, "Pretended devices.", lower_bound=1)
    flags.DEFINE_integer(
        "num_classes", None, "Compile without the data set, as for one of so many classes."
    )
    flags.DEFINE_list(
        "predict",
        None,
        "Machines and their devices, such as tpu_v3:512,h100:64, the default for 512 devices.",
    )
    flags.DEFINE_float(
        "assumed_utilisation",
        0.3,
        "Assumed: share of the peak that the computation reaches.",
        lower_bound=0.001,
        upper_bound=1.0,
    )
    flags.DEFINE_float(
        "assumed_latency_us",
        20.0,
        "Assumed: microseconds of an exchange on each level of the network, whatever its size.",
        lower_bound=0.0,
    )
    flags.DEFINE_integer(
        "run_steps", 0, "Run so many updates on the pretended devices instead.", lower_bound=0
    )
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")
    flags.DEFINE_string("plot", None, "PNG file to draw the predictions into.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.config is None:
        raise InputError("no config given; for example --config=configs/biggan128.py")
    if args.run_steps:
        refuse(
            args,
            (
                "num_classes",
                "predict",
                "assumed_utilisation",
                "assumed_latency_us",
                "output",
                "plot",
            ),
            "with --run_steps, which trains on the config's own data and prints its losses; leave "
            "it out, or leave out --run_steps",
        )
    wanted = _parse_predictions(args.predict, args.devices)
    config = copy.deepcopy(args.config)
    if args.num_classes is not None:
        config.data.source = f"described:{args.num_classes}"
    set_pretended_devices(args.devices)

    if args.run_steps:
        run(config, args.devices, args.run_steps)
        return

    analyses = {
        number: analyse(config, number)
        for number in sorted({args.devices, *(number for _, number in wanted)}, reverse=True)
    }
    report = {
        "command": " ".join(["python -m benchmarks.scaling", *sys.argv[1:]]),
        "config": " ".join(cli.given_config()),
        "num_classes": args.num_classes,
        **_environment(),
        "assumptions": {
            "utilisation": args.assumed_utilisation,
            "latency_us": args.assumed_latency_us,
            "overlap": "none for the upper step time; gradients and logs for the lower",
        },
        "compiled": list(analyses.values()),
        "predicted": [
            make_prediction(
                name,
                analyses[number],
                utilisation=args.assumed_utilisation,
                latency=args.assumed_latency_us * 1e-6,
            )
            for name, number in wanted
        ],
    }
    print_report(report)
    if args.output:
        from jaxrepro.core.files.strict_json import write_strict_json

        write_strict_json(pathlib.Path(args.output), report)
    if args.plot:
        from benchmarks.scaling_plot import draw
        from jaxrepro.core.files.whole_files import write_atomically

        write_atomically(pathlib.Path(args.plot), draw(report))


def set_pretended_devices(number: int) -> None:
    """Shows JAX `number` CPU devices and no other; before it starts a backend.

    Also where an accelerator is: the report must not depend on what is here.
    """
    import os

    from jaxrepro.core.machine import runtime

    os.environ["JAX_PLATFORMS"] = "cpu"
    runtime.set_num_cpu_devices(number)
    runtime.set_for_speed()


def _parse_predictions(words: list[str] | None, num_devices: int) -> list[tuple[str, int]]:
    from benchmarks.chip_figures import MACHINES

    if words is None:
        return [("tpu_v3", num_devices), ("h100", min(64, num_devices))]
    wanted = []
    for word in words:
        name, _, number = word.partition(":")
        if name not in MACHINES or not number.isdecimal() or not 1 <= int(number) <= num_devices:
            raise InputError(
                f"--predict={word} given; it must be MACHINE:DEVICES with a machine of "
                f"{', '.join(MACHINES)} and 1 to --devices={num_devices} devices"
            )
        wanted.append((name, int(number)))
    return wanted


def analyse(config: Any, num_devices: int) -> dict[str, Any]:
    """Returns what the step for `num_devices` exchanges, computes and holds, as for JSON.

    Raises InputError if the batch does not divide over them.
    """
    import jax

    from jaxrepro.core.analysis.collectives import (
        bytes_by_part,
        dependent_exchanges,
        find_collectives,
    )
    from jaxrepro.core.analysis.hlo import parse_program
    from jaxrepro.core.analysis.hlo_contractions import count_contractions
    from jaxrepro.core.analysis.step_memory import (
        StepLayout,
        compile_for_analysis,
        memory_of,
        state_bytes,
        step_operations,
    )
    from jaxrepro.core.config import Settings
    from jaxrepro.papers import make_task

    settings = Settings(config)
    task = make_task(settings)
    layout = StepLayout(num_devices, config.mesh.fsdp, config.seed)
    began = time.perf_counter()
    compiled = compile_for_analysis(task, layout, lambda line: print(line, flush=True), _NOT_RUN)
    seconds = time.perf_counter() - began
    program = parse_program(compiled.as_text() or "")
    collectives = find_collectives(program)
    of_step = step_operations(make_task(Settings(config)))
    on_device = count_contractions(program)
    state = jax.eval_shape(task.init, jax.random.key(0))
    gradients = gradient_bytes(state, config)
    by_part = bytes_by_part(collectives)
    memory = memory_of(compiled)
    factor = 2 * (num_devices - 1) / num_devices
    return {
        "devices": num_devices,
        "dtype": config.model.get("dtype", "float32"),
        "batch": {name: list(spec.shape) for name, spec in task.batch_spec.items()},
        "compile_seconds": round(seconds, 1),
        "collectives": [
            {
                "kind": one.kind,
                "times": one.times,
                "bytes": one.num_bytes,
                "dtypes": sorted({array.dtype for array, _ in one.arrays}),
                "arrays": len(one.arrays),
                "bytes_by_part": bytes_by_part([one]) if one.times else {},
                "groups": f"{one.num_groups} of {one.group_size}",
                "replica_groups": one.groups,
                "source": one.source,
            }
            for one in collectives
        ],
        "collectives_in_program": len(collectives),
        "collectives_a_step": sum(one.times for one in collectives),
        "dependent_exchanges_a_step": dependent_exchanges(program),
        "bytes_a_step_by_part": by_part,
        "sent_bytes_a_step": round(sum(one.times * one.sent_bytes for one in collectives)),
        "gradient_bytes_of_updates": gradients,
        "ring_minimum_bytes": round(factor * gradients),
        "above_minimum": above_minimum(collectives, gradients),
        "operations_of_a_device": on_device,
        "operations_of_the_step": of_step.contractions,
        "work_over_even_share": round(on_device * num_devices / of_step.contractions, 4),
        "loops_counted_once": program.loops_counted_once,
        "memory_of_a_device": {
            "total": memory.total,
            "arguments": memory.arguments,
            "temporaries": memory.temporaries,
            "state": state_bytes(task, layout),
        },
    }


def gradient_bytes(state: Any, config: Any) -> int:
    """Returns the bytes of the gradients of one step: of each trained network at each update.

    state: the shapes of a TrainState. A discriminator "d" is updated train.num_d_steps times.
    """
    import jax

    total = 0
    for name, net in state.nets.items():
        if not jax.tree.leaves(net.opt_state):
            continue
        updates = config.train.get("num_d_steps", 1) if name == "d" else 1
        leaves = jax.tree.leaves(net.params)
        total += updates * sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)
    return total


def above_minimum(collectives: list[Any], gradients: int) -> list[dict[str, Any]]:
    """Returns what is exchanged beyond each gradient once: by kind and part, with its sources."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in collectives:
        for array, part in one.arrays:
            row = found.setdefault(
                (one.kind, part), {"kind": one.kind, "part": part, "arrays_a_step": 0, "bytes": 0}
            )
            row["arrays_a_step"] += one.times
            row["bytes"] += one.times * array.num_bytes
            row.setdefault("sources", {})[_short(one.source)] = None
    rows = []
    for row in found.values():
        if (row["kind"], row["part"]) == ("all-reduce", "gradients"):
            row["bytes"] -= gradients
        row["sources"] = list(row["sources"])[:40]
        if row["bytes"]:
            rows.append(row)
    return rows


def _short(source: str) -> str:
    """Returns a source without the loops around it; of a combined one, the first."""
    return source.rpartition("/closed_call/")[2].partition(":")[0].lstrip("(")[:160]


def run(config: Any, num_devices: int, num_steps: int) -> None:
    """Runs updates of the analysed program on pretended devices and prints their scalars.

    Raises InputError if one is not finite.
    """
    import jax
    import numpy as np

    from jaxrepro.core.analysis.step_memory import StepLayout, compile_for_analysis
    from jaxrepro.core.config import Settings
    from jaxrepro.core.devices import mesh as mesh_lib
    from jaxrepro.core.update.compilation import lay_out
    from jaxrepro.papers import make_task

    task = make_task(Settings(config))
    layout = StepLayout(num_devices, config.mesh.fsdp, config.seed)
    mesh, key = layout.mesh(), jax.random.key(config.seed)
    abstract, batch_shardings = lay_out(task, mesh, jax.eval_shape(task.init, key))
    update = compile_for_analysis(task, layout, print)
    shardings = jax.tree.map(lambda x: x.sharding, abstract)
    state = mesh_lib.lay_over(jax.jit(task.init)(key), shardings)
    batches: Any = task.train_data(0, 0, 1)
    for step in range(1, num_steps + 1):
        state, scalars = update(state, mesh_lib.put_batch(next(batches), batch_shardings))
        numbers = {name: float(x) for name, x in sorted(jax.device_get(scalars).items())}
        print(f"step {step}: " + ", ".join(f"{name} {x:.6g}" for name, x in numbers.items()))
        if not all(np.isfinite(x) for x in numbers.values()):
            raise InputError(
                f"step {step} of {num_devices} devices has scalars that are not finite"
            )
    if hasattr(batches, "close"):
        batches.close()


def _environment() -> dict[str, Any]:
    import importlib.metadata
    import os

    return {
        "analysed_on": "XLA:CPU with pretended devices, in the form that accelerators run",
        "versions": {name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "flax")},
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }


def print_report(report: dict[str, Any]) -> None:
    """Prints the report in a few lines for each compilation and machine."""
    for one in report["compiled"]:
        parts = ", ".join(f"{part} {n:,}" for part, n in one["bytes_a_step_by_part"].items())
        print(
            f"{one['devices']} devices: {one['collectives_a_step']} collectives a step, "
            f"{one['dependent_exchanges_a_step']} one after the other; bytes on a device: {parts}\n"
            f"  a device sends {one['sent_bytes_a_step']:,} bytes, the ring minimum of the "
            f"gradients is {one['ring_minimum_bytes']:,}\n"
            f"  computes {one['operations_of_a_device'] / 1e12:.3f} TFLOP, "
            f"{one['work_over_even_share']:.3f} of its even share; holds "
            f"{one['memory_of_a_device']['total'] / 1e9:.2f} GB; compiled in "
            f"{one['compile_seconds']} s"
        )
    for one in report["predicted"]:
        print(
            f"{one['machine']} x {one['devices']}: {one['step_ms_with_overlap']:.1f} to "
            f"{one['step_ms_without_overlap']:.1f} ms a step, efficiency "
            f"{one['efficiency_without_overlap']:.3f} to {one['efficiency_with_overlap']:.3f}"
        )


if __name__ == "__main__":
    cli.run(define_flags, main)
