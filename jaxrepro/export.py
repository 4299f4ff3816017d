"""Writes what inference needs of a trained network:

    python -m jaxrepro.export --workdir=runs/biggan_digits --output=exports/biggan_digits
    python -m jaxrepro.export --model=runs/biggan_digits --format=onnx --output=digits.onnx

By default, of a run, a folder with a model card (JSON) and safetensors files, which this package
reads again; reading them runs no code. Of a run over several seeds, --seed says which of them is
written. The formats stablehlo and onnx are files for other programs; see docs/exports.md.
"""

import functools
import pathlib
from typing import TYPE_CHECKING, Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place, refuse_url

if TYPE_CHECKING:
    from jaxrepro.core.exports.written import Written

_OURS = "jaxrepro"
_SUFFIXES = {"stablehlo": ".stablehlo", "onnx": ".onnx"}


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string("workdir", None, "Folder of the run; it may still be going on.")
    flags.DEFINE_string(
        "model",
        None,
        "Instead of --workdir, for stablehlo and onnx: a run, an export or a published file.",
    )
    flags.DEFINE_string(
        "output", None, "Folder, or file, of the export; an export that is there is replaced."
    )
    flags.DEFINE_enum(
        "format",
        _OURS,
        [_OURS, *_SUFFIXES],
        "jaxrepro: a folder for this package. stablehlo: a file for JAX alone, with a card beside "
        "it. onnx: a file for ONNX Runtime and others; needs jaxrepro[onnx].",
    )
    flags.DEFINE_list(
        "sizes",
        [],
        "Of stablehlo and onnx: sizes at which the file is tried, and which it has where it cannot "
        "leave them open: height=240,width=320.",
    )
    cli.define_step("Checkpoint to export.")
    flags.DEFINE_integer("seed", None, "Which seed, of a run that trained several (num_seeds).")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.output is None or (args.workdir is None) == (args.model is None):
        raise InputError(
            "give --workdir, or --model, and --output, such as --workdir=runs/biggan_digits "
            "--output=exports/biggan_digits"
        )
    output = pathlib.Path(args.output)
    refuse_url(output)
    suffix = _SUFFIXES.get(args.format)
    if suffix is None and (args.model is not None or args.sizes):
        raise InputError("--model and --sizes are for --format=stablehlo or onnx")
    if suffix is not None and output.suffix != suffix:
        raise InputError(f"--output={output}: a file of --format={args.format} ends in {suffix}")
    if suffix is not None and args.seed is not None:
        raise InputError(
            f"--seed={args.seed} is for --format={_OURS}; give its export as --model of this one"
        )

    from jaxrepro.core.machine import runtime

    runtime.set_up()
    if suffix is None:
        _write_folder(args, output)
    else:
        _write_file(args, output)


def _write_folder(args: flags.FlagValues, output: pathlib.Path) -> None:
    from jaxrepro.core import loop
    from jaxrepro.core.checkpoints.export import Export, write_export
    from jaxrepro.core.checkpoints.restore import restore_state
    from jaxrepro.core.devices import mesh
    from jaxrepro.core.run.workdir import check_data
    from jaxrepro.core.seeds import one_seed
    from jaxrepro.core.task import identities_of
    from jaxrepro.papers import read_task

    folder = place(args.workdir)
    saved, settings, task = read_task(folder)
    # The card of the export says what the labels mean.
    check_data(folder, identities_of(task))
    seed = loop.LoopSettings.from_settings(settings).seed
    single, state_of_seed = one_seed(task, args.seed)
    step, state, _ = restore_state(task, seed, folder, args.step, mesh.make_mesh())
    provenance = {"step": step, "config": saved}
    if args.seed is not None:
        provenance["seed"] = args.seed
    card = {**single.model_card(), "provenance": provenance}
    export = Export(card, single.export(state_of_seed(state)))
    write_export(output, export)
    print(f"wrote {output}: {', '.join(export.nets)} of step {step} of {folder}")


def _write_file(args: flags.FlagValues, output: pathlib.Path) -> None:
    from jaxrepro import papers
    from jaxrepro.core.files.strict_json import write_strict_json
    from jaxrepro.core.files.whole_files import write_atomically

    loaded = papers.load(args.model or args.workdir, step=args.step)
    network = getattr(loaded, "trained", loaded)
    function = network.inference_function().at_sizes(_given_sizes(args.sizes))
    source = {"from": network.origin, "weights": network.weights}
    card = {**network.card, "provenance": network.card.get("provenance", source)}
    written = _maker(args.format, card)(function)
    write_atomically(output, written.content)
    if args.format == "stablehlo":
        write_strict_json(output.with_name(f"{output.name}.json"), {**card, **written.about})
    inputs = (f"{one['name']} {one['shape']}".replace("'", "") for one in written.about["inputs"])
    print(
        f"wrote {output}: {function.output} of {', '.join(inputs)}; it differs by "
        f"{written.about['relative_difference']:.1e} of its largest value from {network.origin}"
    )
    if written.fixed:
        print(f"of fixed {' and '.join(written.fixed)}, see --sizes: {written.reason}")


def _maker(form: str, card: dict[str, Any]) -> "functools.partial[Written]":
    """Returns what makes that form of a function."""
    if form == "onnx":
        from jaxrepro.core.exports.onnx_model import onnx_of

        return functools.partial(onnx_of, card=card)
    from jaxrepro.core.exports.stablehlo import stablehlo_of

    return functools.partial(stablehlo_of)


def _given_sizes(words: list[str]) -> dict[str, int]:
    sizes = {}
    for word in words:
        name, _, number = word.partition("=")
        if not number.isdecimal():
            raise InputError(f"--sizes has {word!r}; give sizes such as height=240,width=320")
        sizes[name] = int(number)
    return sizes


if __name__ == "__main__":
    cli.run(define_flags, main)
