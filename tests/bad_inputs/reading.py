"""Reads a network or the data of a config, as the commands do, and computes nothing with it.

For drawn mutations that may be harmless: what reads them then ends at once, where a command would
compile a program for many seconds.
"""

import pathlib
from typing import Any

from absl import flags

from jaxrepro.core import cli


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_string("workdir", None, "Of a run that would be trained; nothing is written.")
    flags.DEFINE_string("paper", None, "Whose network it is.")
    flags.DEFINE_string("network", None, "Export or file of weights.")


def main(args: flags.FlagValues) -> None:
    """Reads what the flags name."""
    if args.network is not None:
        _read_network(args.paper, pathlib.Path(args.network))
    if args.config is not None:
        _read_data(args.config)


def _read_network(paper: str, path: pathlib.Path) -> None:
    from jaxrepro import papers
    from tests.bad_inputs.paper import papers as told

    choices = {} if path.is_dir() else dict(told()[paper].choices)
    papers.load(path, paper, **choices)


def _read_data(config: Any) -> None:
    """Makes the Task, with all that it reads, and takes a batch and the data of its evaluators."""
    import itertools

    from jaxrepro.core.config import Settings
    from jaxrepro.papers import make_task

    task = make_task(Settings(config))
    batches = task.train_data(0, 0, 1)
    next(batches)
    if hasattr(batches, "close"):
        batches.close()
    for evaluator in task.evaluators().values():
        for _ in itertools.islice(evaluator.data(0, 1), 1):
            pass


if __name__ == "__main__":
    cli.run(define_flags, main)
