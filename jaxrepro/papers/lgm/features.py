"""Draws the features of test images, networks side by side, with centres and deviations:

python -m jaxrepro.papers.lgm.features --model=runs/softmax,runs/both --output=features.png

Of more than 2 features two principal axes are drawn. Circles are deviations of L-GM's Gaussians, or
else of the features.
"""

import importlib

from absl import flags

from jaxrepro.core import cli
from jaxrepro.tasks.classification import feature_figure as verb

define_flags = verb.define_flags


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    loaded = "jaxrepro.papers.lgm.loaded"  # Not imported before: --help does not wait for JAX.
    verb.main(args, lambda **network: importlib.import_module(loaded).load(**network))


if __name__ == "__main__":
    cli.run(define_flags, main)
