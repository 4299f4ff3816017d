"""Trains a config: python -m jaxrepro.train --config=configs/biggan_digits.py

The same command again continues a run that was stopped, or says that it is finished.

Several processes train one run where a cluster started them, or with --coordinator, --num_processes
and --process_id; see docs/clusters.md.
"""

import contextlib
import dataclasses
import json
import pathlib
import secrets
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files import places
from jaxrepro.core.machine import distributed
from jaxrepro.core.reports.start_times import StartTimes

if TYPE_CHECKING:
    from jaxrepro.core.data_identity import DataIdentity


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_string(
        "workdir",
        None,
        "Folder of the run, on a disk, gs:// or s3://; runs/<config>_<variant> by default.",
    )
    flags.DEFINE_integer(
        "resume",
        None,
        "Go back to this step's checkpoint; later ones are moved to set_aside/. The same command "
        "again continues.",
    )
    flags.DEFINE_integer(
        "resume_attempt", 1, "2, 3, ...: go back to the step of --resume once more."
    )
    flags.DEFINE_integer(
        "workdir_patience", 10, "Seconds to wait for another run in the workdir to end."
    )
    flags.DEFINE_boolean("show_config", False, "Print all keys of the config and exit.")
    distributed.define_flags()


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.config is None:
        raise InputError("no config given; for example --config=configs/biggan_digits.py")
    if args.show_config:
        print(args.config)
        return

    if args.resume_attempt < 1 or (args.resume is None and args.resume_attempt > 1):
        raise InputError(
            f"--resume_attempt={args.resume_attempt} given; it must be 1 or more, and is "
            "about --resume=STEP"
        )
    if args.workdir_patience < 0:
        raise InputError(f"--workdir_patience={args.workdir_patience} given; it must be 0 or more")

    from jaxrepro.core.machine import runtime

    started = StartTimes()
    runtime.set_up()
    started.listen_to_jax()
    started.end("import of jax")

    with distributed.joined(args, preemption=True) as job:
        _train(args, job, started)


def _train(args: flags.FlagValues, job: distributed.Job, started: StartTimes) -> None:
    from jaxrepro import contents, papers
    from jaxrepro.core import config, loop
    from jaxrepro.core.data_identity import all_notes
    from jaxrepro.core.guard.collapse import CollapsedError
    from jaxrepro.core.guard.non_finite import NonFiniteError
    from jaxrepro.core.machine.preemption import Stopped
    from jaxrepro.core.reports.tables import print_results
    from jaxrepro.core.run.run_record import error_recorded, record_end
    from jaxrepro.core.task import identities_of, references_of
    from jaxrepro.page import LivePage, draw_after_run

    started.end("import of the framework")

    # --- Everything that the user may have got wrong is found before anything compiles.
    settings = config.Settings(args.config)
    task = papers.make_task(settings)
    loop_settings = loop.LoopSettings.from_settings(settings)
    settings.check_all_read()
    data = identities_of(task)
    if job.leads:
        for note in all_notes(data):
            print(note, flush=True)
    started.end("import of the paper and its task")
    given = args.workdir or pathlib.Path("runs", cli.config_name())
    folder = places.place(str(given))

    shown = (folder, references_of(task), contents.next_steps(str(given), str(settings.task)))

    def draw() -> bool:
        return draw_after_run(*shown)

    def end(outcome: str, message: str = "") -> bool:
        """Returns whether the run's record and its page could be written."""
        if not job.leads:
            return True
        record_end(folder, outcome, message)
        return draw()

    with _claimed(folder, args, settings.defaults, data, job), contextlib.ExitStack() as stack:
        if job.leads:
            record = stack.enter_context(error_recorded(folder, draw))
            stack.enter_context(job.told_of_peers(record))
        try:
            results = loop.train(
                task,
                loop_settings,
                folder,
                args.resume,
                started,
                args.resume_attempt,
                data=data,
                written=LivePage(*shown) if job.leads else None,
            )
        except Stopped as stopped:
            print(f"stopped and saved at step {stopped.step}; the same command continues")
            end("stopped", f"saved at step {stopped.step}")
            sys.exit(stopped.status)
        except (CollapsedError, NonFiniteError) as error:
            if job.leads:
                print(f"error: {error}", file=sys.stderr)
            end("failed", str(error))
            sys.exit(1)
        print_results(results, folder)
        if job.leads and not results:
            # Why, where it is known.
            for note in all_notes({k: one for k, one in data.items() if k == "data.validation"}):
                print(note)
        if not end("finished"):
            sys.exit(1)


@contextlib.contextmanager
def _claimed(
    folder: places.Place,
    args: flags.FlagValues,
    defaults: Mapping[str, Any],
    data: Mapping[str, "DataIdentity"],
    job: distributed.Job,
) -> Iterator[None]:
    """A context in which the folder is this job's: process 0 claims it for all."""
    from jaxrepro.core import config
    from jaxrepro.core.run import workdir

    given = {
        **json.loads(config.to_json(args.config)),
        "--resume": args.resume,
        "--resume_attempt": args.resume_attempt,
    }
    first = json.loads(job.share("config", json.dumps(given)))
    if differing := config.differing_keys(first, given, free=()):
        raise InputError(
            f"{job.name} was started with another config than process 0 ({'; '.join(differing)}); "
            "start all processes with one command"
        )
    holds = {key: [one.fingerprint, *one.class_names] for key, one in data.items()}
    first = json.loads(job.share("data", json.dumps(holds)))
    if differing := [key for key in holds if holds[key] != first.get(key)]:
        raise InputError(
            f"{job.name} reads other data than process 0 by the same names "
            f"({', '.join(differing)}); give all processes the same files"
        )
    if job.leads:
        mark = secrets.token_hex(8)
        with workdir.claimed(folder, args.config, mark, args.workdir_patience, defaults, data):
            job.share("mark of the workdir", mark)
            yield
    else:
        # Process 0 may wait before it gives the mark.
        patient = dataclasses.replace(job, patience=job.patience + args.workdir_patience)
        workdir.wait_for_mark(folder, patient.share("mark of the workdir", ""))
        yield


if __name__ == "__main__":
    cli.run(define_flags, main)
