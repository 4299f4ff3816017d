"""Converts the authors' TensorFlow checkpoint into an export, which the other commands take:

    python -m jaxrepro.papers.scfegan.convert --model=SC-FEGAN.ckpt --output=exports/published

TensorFlow is not needed. Of a run it makes an export too. The authors' weights are licensed CC
BY-NC 4.0, and so is what becomes of them.
"""

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference import network_flags

_GATES = ("self", "shared_kernel")


def define_flags() -> None:
    """Defines the command's flags."""
    network_flags.define_network(average=True)
    flags.DEFINE_string("output", None, "Folder of the export.")
    flags.DEFINE_enum(
        "deconv_gate",
        None,
        _GATES,
        "Gate of the authors' transposed convolutions: self, as released, which is the default; "
        "shared_kernel, as it was meant.",
    )


def main(args: flags.FlagValues) -> None:
    """Writes the export."""
    given = network_flags.given_network(args, "SC-FEGAN.ckpt")
    if args.output is None:
        raise InputError("give --output, such as --output=exports/published")
    output = cli.given_path(args.output)

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core.checkpoints.export import write_export
    from jaxrepro.papers.scfegan.trained import load_trained

    trained = load_trained(**given, deconv_gate=args.deconv_gate)
    write_export(output, trained.to_export())
    print(f"wrote {output}: the generator of {trained.origin}, for {trained.resolution} pixels")


if __name__ == "__main__":
    cli.run(define_flags, main)
