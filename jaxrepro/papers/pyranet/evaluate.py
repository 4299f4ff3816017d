"""Measures a pose network on people, in every convention of the literature side by side:

    python -m jaxrepro.papers.pyranet.evaluate --model=runs/lspet --flip --scales
    python -m jaxrepro.papers.pyranet.evaluate --model=hg_s2_b1.npz --people=mpii:valid.h5 --flip

The network is that of a run, an export or a checkpoint of pytorch-pose.
Without --people a run is measured on its own validation people, beside the mean pose and the
nearest neighbour of its own training people; with --people, --train_split=1-1000 asks for these.

Measured are PCKh where the people have heads, PCK where they have torsos, each once with exact and
once with whole pixels as in the Torch code, plain and, with --flip and --scales, with averaged
mirrored pictures, six scales, and both. --stacks=N takes the answer of an earlier stack.

--output=DIR gets scores.json, with the protocol of every figure, and worst_people.png.
--export=FILE writes the joints of the last search: .mat is a submission to the server of MPII,
.json COCO's list of results, .csv a table.
"""

from absl import flags

from jaxrepro.core import cli
from jaxrepro.tasks.pose import evaluate as verb

define_flags = verb.define_flags


def main(args: flags.FlagValues) -> None:
    """Runs the command."""

    # Here, so that --help does not wait for JAX.
    def load(**network):
        from jaxrepro.papers.pyranet.trained import load_trained

        return load_trained(**network)

    verb.main(args, load)


if __name__ == "__main__":
    cli.run(define_flags, main)
