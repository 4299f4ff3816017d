"""Converts the authors' TensorFlow checkpoint into an export, which the other commands take:

    python -m jaxrepro.papers.scfegan.convert --checkpoint=SC-FEGAN.ckpt --output=exports/published

TensorFlow is not needed. The authors' weights are licensed CC BY-NC 4.0, and so is what becomes of
them.
"""

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.inference.inference_flags import given_path

_GATES = ("self", "shared_kernel")


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string(
        "checkpoint", None, "Beginning of the names of the checkpoint's files, or their folder."
    )
    flags.DEFINE_string("output", None, "Folder of the export.")
    flags.DEFINE_enum(
        "deconv_gate",
        "self",
        _GATES,
        "Gate of the transposed convolutions: self, as released; shared_kernel, as it was meant.",
    )


def main(args: flags.FlagValues) -> None:
    """Writes the export."""
    checkpoint, output = given_path(args.checkpoint), given_path(args.output)
    if checkpoint is None or output is None:
        raise InputError(
            "give --checkpoint and --output, such as --checkpoint=SC-FEGAN.ckpt "
            "--output=exports/published"
        )

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core.checkpoints.export import write_export
    from jaxrepro.papers.scfegan.trained import from_checkpoint

    trained = from_checkpoint(checkpoint, args.deconv_gate)
    write_export(output, trained.to_export())
    print(f"wrote {output}: the generator of {checkpoint}, for {trained.resolution} pixels")


if __name__ == "__main__":
    cli.run(define_flags, main)
