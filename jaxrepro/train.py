"""Trains a config: python -m jaxrepro.train --config=configs/biggan_digits.py

The same command again continues a run that was stopped, or says that it is finished.
"""

import pathlib
import sys

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError

_CONFIG = cli.define_config()
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run; runs/<config>_<variant> by default."
)
_RESUME = flags.DEFINE_integer(
    "resume", None, "Continue from this step's checkpoint; later ones are moved to set_aside/."
)
_SHOW_CONFIG = flags.DEFINE_boolean("show_config", False, "Print all keys of the config and exit.")


def main() -> None:
    """Runs the command."""
    if _CONFIG.value is None:
        raise InputError("no config given; for example --config=configs/biggan_digits.py")
    if _SHOW_CONFIG.value:
        print(_CONFIG.value)
        return

    from jaxrepro.core import runtime

    runtime.set_up()

    from jaxrepro.core import config, loop, workdir
    from jaxrepro.core.hooks import NonFiniteError
    from jaxrepro.core.preemption import Stopped
    from jaxrepro.core.tables import print_results

    # --- Everything that the user may have got wrong is found before anything compiles.
    settings = config.Settings(_CONFIG.value)
    task = config.make_task(settings)
    loop_settings = loop.LoopSettings.from_settings(settings)
    settings.check_all_read()
    folder = pathlib.Path(_WORKDIR.value or f"runs/{cli.config_name()}")
    with workdir.claimed(folder, _CONFIG.value):
        try:
            results = loop.train(task, loop_settings, folder, _RESUME.value)
        except Stopped as stopped:
            print(f"stopped and saved at step {stopped.step}; the same command continues")
            sys.exit(stopped.status)
        except NonFiniteError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)
    print_results(results, folder)


if __name__ == "__main__":
    cli.run(main)
