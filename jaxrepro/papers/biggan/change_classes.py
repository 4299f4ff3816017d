"""Prepares fine-tuning on other classes: a new workdir, from a trained run.

    python -m jaxrepro.papers.biggan.change_classes --model=runs/old --output=runs/new \
        --config=configs/biggan_folder.py --classes=tabby,3,mean
    python -m jaxrepro.train --config=configs/biggan_folder.py --workdir=runs/new

Both networks, their optimisers and the moving average are those of the run, and so is the number
of updates: training continues from there to the config's train.total_steps. Only what is kept by
class is new: rows of the class tables, copied from old classes or their mean.

The discriminator's class table is spectrally normalised as a whole. With other rows its singular
value is another, by which the class term of all its logits changes.
"""

import contextlib
import csv
import pathlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place

if TYPE_CHECKING:
    from jaxrepro.core.files.places import Place

_MEAN = "mean"
_PRINTED = 20
# Beside the checkpoint, where the new run comes from.
ORIGIN = "origin.json"


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_string("model", None, "Trained network: the folder of a run.")
    cli.define_step("Checkpoint of it.")
    flags.DEFINE_string("output", None, "Folder of the new run; it must not be one already.")
    flags.DEFINE_string(
        "classes",
        None,
        "For each new class, in the order of the new data set, the old class that it starts as (a "
        'name or number; "a name, with commas" in quotes) or "mean", the mean of all old ones. '
        "By default mean for all.",
    )


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.model is None or args.output is None or args.config is None:
        raise InputError(
            "give --model, --output and --config, such as --model=runs/old --output=runs/new "
            "--config=configs/biggan_digits.py"
        )
    new_folder = place(args.output)
    if new_folder.exists() and (not new_folder.is_dir() or any(new_folder.iterdir())):
        raise InputError(f"--output={new_folder} is not empty; choose a new folder")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro import papers
    from jaxrepro.core import config, loop
    from jaxrepro.core.checkpoints.checkpoint import Checkpoints
    from jaxrepro.core.checkpoints.restore import restore_state
    from jaxrepro.core.devices import mesh
    from jaxrepro.core.inference.trained import run_of
    from jaxrepro.core.run import workdir
    from jaxrepro.core.seeds import refuse_several_seeds
    from jaxrepro.papers.biggan.porting import class_tables

    old_folder, card = run_of(args.model, "biggan")
    settings = config.Settings(args.config)
    new_task = papers.make_task(settings)
    refuse_several_seeds(new_task, "change_classes")
    total = loop.LoopSettings.from_settings(settings).total_steps
    settings.check_all_read()
    old_names, new_names = card["class_names"], new_task.model_card()["class_names"]
    rows = parse_rows(args.classes, old_names, new_names)

    # The run's own networks and optimisers, but the new data: the old ones may be gone.
    saved = workdir.read_config(old_folder)
    data = {**args.config.data.to_dict(), "channels": saved["data"]["channels"]}
    old_settings = config.Settings({**saved, "data": data})
    old_task = class_tables.with_num_classes(papers.make_task(old_settings), len(old_names))
    class_tables.check_same_networks(old_task, new_task)

    step, state, _ = restore_state(
        old_task, old_settings.seed, old_folder, args.step, mesh.make_mesh()
    )
    if step >= total:
        raise InputError(
            f"the run is at step {step}, from which training continues; set train.total_steps "
            f"above it, such as --config.train.total_steps={step + 1000}, here and for training"
        )
    state = class_tables.change_classes(
        state, class_tables.class_table_paths(old_task), rows, num_classes=len(old_names)
    )
    origins = [_MEAN if row is None else f"{row} {old_names[row]}" for row in rows]
    # Whole or not at all: a config without its checkpoint would be trained from the beginning.
    with _whole_run(new_folder) as folder, workdir.claimed(folder, args.config):
        with Checkpoints(folder) as checkpoints:
            checkpoints.save(step, state, wait=True)
        workdir.write_json(
            folder / ORIGIN,
            {
                "workdir": old_folder.name,
                "step": step,
                "classes": dict(zip(new_names, origins, strict=True)),
            },
        )
    print(f"{len(old_names)} classes of step {step} of {old_folder} became {len(new_names)}:")
    for i in range(min(len(new_names), _PRINTED)):
        print(f"  {i} {new_names[i]}: {origins[i]}")
    if len(new_names) > _PRINTED:
        print(f"  ...; all are in {new_folder / ORIGIN}")
    print(f"continue with python -m jaxrepro.train, the same --config and --workdir={new_folder}")


@contextlib.contextmanager
def _whole_run(folder: "Place") -> Iterator["Place"]:
    """A context with the folder to write a run in, which is in its place at the end.

    In an object store it is in its place from the beginning. Raises InputError.
    """
    from jaxrepro.core.files.whole_files import whole_folder

    if not isinstance(folder, pathlib.Path):
        yield folder
        return
    try:
        with whole_folder(folder) as new:
            yield new
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror or error}") from error


def parse_rows(given: str | None, old_names: Sequence[str], new_names: Sequence[str]) -> list[Any]:
    """Returns, for each new class, the number of an old class or None for the mean.

    Raises InputError unless there is one entry for each new class, and each exists.
    """
    from jaxrepro.papers.biggan.sampling.class_choice import parse_class

    if given is None:
        return [None] * len(new_names)
    words = [word.strip() for word in next(csv.reader([given], skipinitialspace=True), [])]
    if len(words) != len(new_names):
        raise InputError(
            f"--classes has {len(words)} entries; the new data set has {len(new_names)} classes: "
            f"{', '.join(new_names[:10])}{', ...' if len(new_names) > 10 else ''}"
        )
    return [None if word == _MEAN else parse_class(word, old_names) for word in words]


if __name__ == "__main__":
    cli.run(define_flags, main)
