"""Measures a run: python -m jaxrepro.evaluate --workdir=runs/biggan_digits

The run may be finished or still going on: nothing of it is changed. The numbers are added to
evaluations.jsonl in the workdir, and its page.html is drawn again.

With --steps=all every checkpoint is measured, and with --config a run of an earlier version by
today's measurements: --config=configs/biggan32.py --config.eval.num_samples=5000. That config takes
the place of the run's own, so it must describe the same networks.

Several processes share the work as in training; see docs/clusters.md.
"""

import pathlib
import sys

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place
from jaxrepro.core.machine import distributed


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string("workdir", None, "Folder of the run.")
    cli.define_config()
    flags.DEFINE_string(
        "steps", "latest", "Checkpoints to measure: latest, best, all, or 500,1000."
    )
    flags.DEFINE_string("output", None, "Folder for pictures; none are kept by default.")
    distributed.define_flags()


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.workdir is None:
        raise InputError("no workdir given; for example --workdir=runs/biggan_digits")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    with distributed.joined(args, preemption=False) as job:
        _evaluate(args, job)


def _evaluate(args: flags.FlagValues, job: distributed.Job) -> None:
    from jaxrepro import contents, papers
    from jaxrepro.core import config, loop
    from jaxrepro.core.data_identity import OTHER_DATA
    from jaxrepro.core.evaluation import evaluate_workdir
    from jaxrepro.core.reports.tables import print_results
    from jaxrepro.core.reports.writers import Pictures, append_json_line
    from jaxrepro.core.run import run_record, workdir
    from jaxrepro.core.task import Image, identities_of, references_of
    from jaxrepro.page import draw_after_run

    folder = place(args.workdir)
    saved = workdir.read_config(folder)
    settings = config.Settings(saved if args.config is None else args.config)
    try:
        task = papers.make_task(settings)
        fsdp = loop.LoopSettings.from_settings(settings).fsdp
        settings.check_all_read()
    except InputError as error:
        if args.config is not None:
            raise
        raise InputError(
            f"{folder / workdir.CONFIG}: {error} (if the run is of another version, give today's "
            "config with --config)"
        ) from error
    if args.config is not None and (
        changed := config.differing_keys(saved, args.config.to_dict(), settings.defaults)
    ):
        print(f"measuring by the given config, not the run's own: {'; '.join(changed)}")
    others = workdir.check_data(folder, identities_of(task), say=job.leads)
    for step, results in evaluate_workdir(task, settings.seed, folder, args.steps, fsdp):
        if not job.leads:
            continue
        if args.output:
            Pictures(pathlib.Path(args.output)).write(step, results)
        numbers = {k: float(v) for k, v in results.items() if not isinstance(v, Image)}
        print_results(numbers, folder, step)
        record = {
            "step": step,
            **run_record.provenance(),
            "results": numbers,
            **({OTHER_DATA: others} if others else {}),
        }
        append_json_line(folder / workdir.EVALUATIONS, record)
    if job.leads:
        steps = contents.next_steps(args.workdir, str(settings.task))
        if not draw_after_run(folder, references_of(task), steps):
            sys.exit(1)


if __name__ == "__main__":
    cli.run(define_flags, main)
