"""Trains a config: python -m jaxrepro.train --config=configs/biggan_digits.py

The same command again continues a run that was stopped, or says that it is finished.
"""

import pathlib
import sys

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_string("workdir", None, "Folder of the run; runs/<config>_<variant> by default.")
    flags.DEFINE_integer(
        "resume", None, "Continue from this step's checkpoint; later ones are moved to set_aside/."
    )
    flags.DEFINE_boolean("show_config", False, "Print all keys of the config and exit.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.config is None:
        raise InputError("no config given; for example --config=configs/biggan_digits.py")
    if args.show_config:
        print(args.config)
        return

    from jaxrepro.core import runtime

    runtime.set_up()

    from jaxrepro.core import config, loop, workdir
    from jaxrepro.core.collapse import CollapsedError
    from jaxrepro.core.hooks import NonFiniteError
    from jaxrepro.core.preemption import Stopped
    from jaxrepro.core.run_record import record_end
    from jaxrepro.core.tables import print_results
    from jaxrepro.core.task import references_of
    from jaxrepro.page import draw_after_run

    # --- Everything that the user may have got wrong is found before anything compiles.
    settings = config.Settings(args.config)
    task = config.make_task(settings)
    loop_settings = loop.LoopSettings.from_settings(settings)
    settings.check_all_read()
    folder = pathlib.Path(args.workdir or f"runs/{cli.config_name()}")
    with workdir.claimed(folder, args.config):
        try:
            results = loop.train(task, loop_settings, folder, args.resume)
        except Stopped as stopped:
            print(f"stopped and saved at step {stopped.step}; the same command continues")
            record_end(folder, "stopped", f"saved at step {stopped.step}")
            draw_after_run(folder, references_of(task))
            sys.exit(stopped.status)
        except (CollapsedError, NonFiniteError) as error:
            print(f"error: {error}", file=sys.stderr)
            record_end(folder, "failed", str(error))
            draw_after_run(folder, references_of(task))
            sys.exit(1)
        print_results(results, folder)
        record_end(folder, "finished")
        if not draw_after_run(folder, references_of(task)):
            sys.exit(1)


if __name__ == "__main__":
    cli.run(define_flags, main)
