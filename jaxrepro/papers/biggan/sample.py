"""Draws images from a trained generator.

python -m jaxrepro.papers.biggan.sample --model=runs/biggan_digits --classes=3,5 --num=100 \
    --seed=0 --output=threes_and_fives.png
"""

import io
import os
import pathlib

from absl import flags

from jaxrepro.core import cli
from jaxrepro.papers.biggan.sampling import sampling_flags


def define_flags() -> None:
    """Defines the command's flags."""
    sampling_flags.define_generator_flags()
    sampling_flags.define_sampling_flags()
    flags.DEFINE_list(
        "classes",
        None,
        "Class numbers, names, or parts of names that only one class has; all by default.",
    )
    flags.DEFINE_integer("num", 100, "Number of images; they take the classes in turn.")
    flags.DEFINE_integer("start", 0, "Index of the first image, to continue a series.")
    flags.DEFINE_string(
        "output",
        None,
        "FILE.png: one sheet, a row a class. FILE.npz: arrays images uint8 [N,H,W,C], labels int32 "
        "[N] and class_names, by label. Anything else: a folder of single PNG images.",
    )


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    given = sampling_flags.given_generator(args, output="sheet.png")
    cli.check_at_least(1, args, "num", "batch_size")
    cli.check_at_least(0, args, "start")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    import numpy as np

    from jaxrepro.papers.biggan.sampling.class_choice import parse_classes
    from jaxrepro.papers.biggan.sampling.sampler import Sampler
    from jaxrepro.papers.biggan.trained import load_generator

    generator = load_generator(**given)
    mode = sampling_flags.truncation_mode(args)
    variables, statistics = generator.variables_at(mode, args.truncation)
    classes = parse_classes(args.classes, generator.class_names)
    index = range(args.start, args.start + args.num)
    labels = np.asarray([classes[i % len(classes)] for i in index], np.int32)
    images = Sampler(generator, args.batch_size).draw(
        labels,
        args.seed,
        start=args.start,
        mode=mode,
        threshold=args.truncation,
        variables=variables,
    )
    write(pathlib.Path(args.output), images, labels, generator.class_names, args.start)
    print(f"{len(images)} images of {generator.origin} in {args.output}")
    if args.truncation is not None:
        print(f"truncation {args.truncation:g}, mode {mode}; {statistics}")


def write(
    output: str | os.PathLike[str], images, labels, class_names: tuple[str, ...], start: int = 0
) -> None:
    """Writes a sheet, an .npz or a folder, by the name of `output`; existing files are replaced.

    start: number of the first image, for the names in a folder, which end in the class, see
    `class_names.file_word`. Raises InputError if `output`
    cannot be written.
    """
    import numpy as np

    from jaxrepro.core.files.whole_files import write_atomically, write_png
    from jaxrepro.data.sets.class_names import file_word
    from jaxrepro.draw.sheet import class_sheet

    output = pathlib.Path(output)
    if output.suffix == ".png":
        write_png(output, class_sheet(images, labels, class_names))
    elif output.suffix == ".npz":
        buffer = io.BytesIO()
        names = np.asarray(class_names, np.str_)
        np.savez_compressed(buffer, images=images, labels=labels, class_names=names)
        write_atomically(output, buffer.getvalue())
    else:
        width = len(str(start + len(images) - 1))
        for index, (image, label) in enumerate(zip(images, labels, strict=True), start):
            word = file_word(int(label), class_names)
            write_png(output / f"{index:0{width}}_class{word}.png", image)


if __name__ == "__main__":
    cli.run(define_flags, main)
