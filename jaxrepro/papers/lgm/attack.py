"""Attacks a network by one step along the signs of the gradient (FGSM), and tells what sees it:

python -m jaxrepro.papers.lgm.attack --model=runs/both --eps=0.1,0.15

For each eps: the percentage of right test images that become wrong, and the areas under the curve
of what tells these: the probability, Gaussians fitted to features, L-GM's own likelihood.
"""

import importlib

from absl import flags

from jaxrepro.core import cli
from jaxrepro.tasks.classification import attack as verb

define_flags = verb.define_flags


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    loaded = "jaxrepro.papers.lgm.loaded"  # Not imported before: --help does not wait for JAX.
    verb.main(args, lambda **network: importlib.import_module(loaded).load(**network))


if __name__ == "__main__":
    cli.run(define_flags, main)
