"""Published papers, reproduced in JAX and Flax."""

import sys

# A command has begun, and its imports take a while. Python calls itself "-m" while it looks for the
# module of `python -m jaxrepro.train`. Whoever imports the package keeps their own Ctrl-C.
if sys.argv and sys.argv[0].rpartition("/")[2] in ("-m", "jaxrepro"):
    from jaxrepro.core.machine import interrupts

    interrupts.end_at_once()

import os
from typing import Any

from jaxrepro.core.errors import InputError as InputError

__version__ = "0.1.0"


def load(
    path: str | os.PathLike[str],
    *,
    paper: str | None = None,
    step: int | str | None = None,
    average: bool | None = None,
    **choices: Any,
) -> Any:
    """Returns the trained network in `path`, ready to be called with plain arrays.

        network = jaxrepro.load("runs/biggan_digits")
        images = network.sample(classes=[3, 5], num=4, seed=0)

    path: the folder of a run or of an export, or a published file that a paper reads; what it is,
    is told by looking. paper: whose, such as "biggan", only where a file would fit several. step:
    of a run, a number or "best"; the latest by default. average: of a run, its moving average or
    not; by default the average, where one is kept. choices: what else the paper's loader takes,
    such as scale=3 for a published file of SRCNN.

    What is returned depends on the paper, and is typed in its `loaded.py`: networks with `sample`,
    `enlarge`, `find_joints`, `classify` or `edit`. Nothing is printed. Raises
    `InputError`, a ValueError, with one line for a path without a network and
    for wrong arguments.
    """
    # Here, so that importing the package takes no time.
    from jaxrepro import papers

    return papers.load(path, paper, step=step, average=average, **choices)
