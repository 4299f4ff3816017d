"""Draws the features of test images, networks side by side, with centres and deviations:

python -m jaxrepro.papers.lgm.features --model=runs/softmax,runs/both --output=features.png

Of more than 2 features the two principal axes are drawn. Circles of L-GM have the deviation of the
class's Gaussian; of softmax centres and circles are those of the features themselves.
"""

from absl import flags

from jaxrepro.core import cli
from jaxrepro.tasks.classification import feature_figure as verb

define_flags = verb.define_flags


def main(args: flags.FlagValues) -> None:
    """Runs the command."""

    # Here, so that --help does not wait for JAX.
    def load(**network):
        from jaxrepro.papers.lgm import loaded

        return loaded.load(**network)

    verb.main(args, load)


if __name__ == "__main__":
    cli.run(define_flags, main)
