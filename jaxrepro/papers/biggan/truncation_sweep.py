"""Draws the same samples at several truncations, one row each: from variety to fidelity.

python -m jaxrepro.papers.biggan.truncation_sweep --model=runs/biggan_digits \
    --truncations=2,1,0.5,0.04 --classes=3 --output=sweep.png

The column keeps its identity: every coordinate of its z is a rising function of the same normal
number in all rows. The defaults are the thresholds of the paper's figure 2.
"""

import pathlib

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.sampling import sampling_flags


def define_flags() -> None:
    """Defines the command's flags."""
    sampling_flags.define_generator_flags()
    sampling_flags.define_mode_flag()
    flags.DEFINE_integer("batch_size", 50, "Images that a device makes at once.")
    flags.DEFINE_list("truncations", ["2", "1", "0.5", "0.04"], "Thresholds, a row each.")
    flags.DEFINE_list(
        "classes", None, "Numbers, names or parts of names; the columns take them in turn."
    )
    flags.DEFINE_integer("columns", 10, "Number of samples.")
    flags.DEFINE_string("output", None, "FILE.png.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    from jaxrepro.papers.biggan.standing import parse_truncations

    given = sampling_flags.given_generator(args, output="sweep.png")
    cli.check_at_least(1, args, "columns", "batch_size")
    truncations = parse_truncations(args.truncations)
    mode = args.mode or "resample"
    output = pathlib.Path(args.output)
    if output.suffix != ".png":
        raise InputError(f"--output={output}: its name must end in .png")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core.files.whole_files import write_png
    from jaxrepro.draw.sheet import row_sheet
    from jaxrepro.papers.biggan.sampling.class_choice import parse_classes
    from jaxrepro.papers.biggan.trained import load_generator

    generator = load_generator(**given)
    classes = parse_classes(args.classes, generator.class_names)
    labels = [classes[i % len(classes)] for i in range(args.columns)]
    images, statistics = sweep(
        generator, mode, truncations, labels, args.seed, batch_size=args.batch_size
    )
    texts = [f"{mode} {threshold:g}" for threshold in truncations]
    write_png(output, row_sheet(images.reshape(-1, *images.shape[2:]), texts))
    print(f"{len(truncations)} truncations of {args.columns} samples, {generator.origin}, {output}")
    for text, sentence in zip(texts, statistics, strict=True):
        print(f"{text}: {sentence}")


def sweep(generator, mode: str, truncations, labels, seed: int, *, batch_size: int = 50):
    """Returns (images uint8 [T, N, H, W, C], the T sentences of `variables_at`).

    generator: a `TrainedGenerator`. truncations: T thresholds. labels: N class numbers; column i
    is sample i of (seed, labels[i]) in every row.
    """
    import numpy as np

    from jaxrepro.papers.biggan.sampling.sampler import Sampler

    sampler = Sampler(generator, batch_size)
    chosen = [generator.variables_at(mode, threshold) for threshold in truncations]
    images = [
        sampler.draw(np.asarray(labels), seed, mode=mode, threshold=threshold, variables=variables)
        for threshold, (variables, _) in zip(truncations, chosen, strict=True)
    ]
    return np.stack(images), [sentence for _, sentence in chosen]


if __name__ == "__main__":
    cli.run(define_flags, main)
