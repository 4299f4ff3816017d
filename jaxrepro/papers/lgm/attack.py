"""Attacks a network by one step along the signs of the gradient (FGSM), and tells what sees it:

python -m jaxrepro.papers.lgm.attack --model=runs/both --eps=0.1,0.15

For each eps, of the whole range of pixels: how many right test images become wrong, and the areas
under the curve with which a score tells right images from those: the likeliest class's probability,
Gaussians fitted afterwards to features of training images and, of L-GM, the likelihood. The attack
knows the network and does not try to escape the scores.
"""

from absl import flags

from jaxrepro.core import cli
from jaxrepro.tasks.classification import attack as verb

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
