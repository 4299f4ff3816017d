"""Writes what inference needs of a run:

    python -m jaxrepro.export --workdir=runs/biggan_digits --output=exports/biggan_digits

The folder holds a model card (JSON) and safetensors files; reading them runs no code. Of a run over
several seeds, --seed says which of them is written.
"""

import pathlib

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place, refuse_url


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string("workdir", None, "Folder of the run; it may still be going on.")
    flags.DEFINE_string(
        "output", None, "Folder of the export; an export that is there is replaced."
    )
    cli.define_step("Checkpoint to export.")
    flags.DEFINE_integer("seed", None, "Which seed, of a run that trained several (num_seeds).")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.workdir is None or args.output is None:
        raise InputError(
            "give --workdir and --output, such as --workdir=runs/biggan_digits "
            "--output=exports/biggan_digits"
        )

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core import loop
    from jaxrepro.core.checkpoints.export import Export, write_export
    from jaxrepro.core.checkpoints.restore import restore_state
    from jaxrepro.core.devices import mesh
    from jaxrepro.core.run.workdir import check_data
    from jaxrepro.core.seeds import one_seed
    from jaxrepro.core.task import identities_of
    from jaxrepro.papers import read_task

    folder, output = place(args.workdir), pathlib.Path(args.output)
    refuse_url(output)
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


if __name__ == "__main__":
    cli.run(define_flags, main)
