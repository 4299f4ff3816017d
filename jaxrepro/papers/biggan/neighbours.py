"""Shows samples beside the training images that are nearest to them.

python -m jaxrepro.papers.biggan.neighbours --model=runs/biggan_digits --num=10 \
    --neighbours=5 --output=neighbours.png

Beside the sheet, neighbours.json has the images' numbers, classes and distances.
"""

import pathlib
from typing import Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.sampling import sampling_flags

# Training images that are in memory at once.
_BLOCK = 256


def define_flags() -> None:
    """Defines the command's flags."""
    sampling_flags.define_generator_flags()
    sampling_flags.define_sampling_flags()
    flags.DEFINE_list(
        "classes", None, "Numbers, names or parts of names; the samples take them in turn."
    )
    flags.DEFINE_integer("num", 10, "Number of samples.")
    flags.DEFINE_integer("neighbours", 5, "Training images beside each sample.")
    flags.DEFINE_string(
        "data",
        None,
        "Data set: digits, photos, folder:DIR, tfds:NAME or array_record:DIR. That of the run by "
        "default; any other network needs it.",
    )
    flags.DEFINE_string("split", None, "Its split; that of the run, or train, by default.")
    flags.DEFINE_string(
        "features",
        "pixels",
        "Space of the distance: pixels, a file of Inception weights, or classifier, for a small "
        "one trained on the data.",
    )
    flags.DEFINE_string("output", None, "FILE.png; FILE.json is written beside it.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    given = sampling_flags.given_generator(args, output="neighbours.png")
    cli.check_at_least(1, args, "num", "neighbours", "batch_size")
    output = pathlib.Path(args.output)
    if output.suffix != ".png":
        raise InputError(f"--output={output}: its name must end in .png")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    import numpy as np

    from jaxrepro.core.files.whole_files import write_png
    from jaxrepro.core.run import run_record
    from jaxrepro.core.run.workdir import CONFIG, check_data, read_json, write_json
    from jaxrepro.data.sources import open_source
    from jaxrepro.data.transforms import square_transform
    from jaxrepro.metrics.feature_choice import feature_network
    from jaxrepro.papers.biggan.sampling.class_choice import parse_classes
    from jaxrepro.papers.biggan.sampling.sampler import Sampler
    from jaxrepro.papers.biggan.trained import load_generator

    generator = load_generator(**given)
    if args.data is None and generator.run is None:
        raise InputError(f"{generator.origin} does not say where its data are; give --data")
    data = {} if generator.run is None else read_json(generator.run / CONFIG)["data"]
    source = open_source(
        args.data or data["source"],
        split=args.split or (data["split"] if args.data is None else "train"),
        channels=generator.module.channels,
    )
    if args.data is None and args.split is None and generator.run is not None:
        check_data(generator.run, {"data.source": source.identity()})
    mode = sampling_flags.truncation_mode(args)
    variables, statistics = generator.variables_at(mode, args.truncation)
    classes = parse_classes(args.classes, generator.class_names)
    labels = [classes[i % len(classes)] for i in range(args.num)]
    images = Sampler(generator, args.batch_size).draw(
        np.asarray(labels), args.seed, mode=mode, threshold=args.truncation, variables=variables
    )
    network = None
    if args.features != "pixels":
        file = "" if args.features == "classifier" else args.features
        transform = square_transform(images.shape[1], channels=images.shape[-1])
        network = feature_network(file, source, transform, images.shape[1])
    picture, record = compare(
        images,
        [generator.class_names[label] for label in labels],
        source,
        args.neighbours,
        network,
    )
    origin = {"generator": generator.origin, "seed": args.seed, "data": repr(source)}
    truncation = {"mode": mode, "truncation": args.truncation}
    write_png(output, picture)
    write_json(output.with_suffix(".json"), origin | truncation | record | run_record.noticed())
    print(f"{args.num} samples of {generator.origin} among {len(source)} images, in {output}")
    if args.truncation is not None:
        print(f"truncation {args.truncation:g}, mode {mode}; {statistics}")


def compare(images, class_names: list[str], source, num_neighbours: int, network: Any = None):
    """Returns (sheet uint8 [H', W', C], JSON object) of samples and their nearest images.

    A row of the sheet is a sample, then its neighbours, the nearest first. The distance is
    Euclidean, of pixels in [0, 1], or of the features of `network`.

    images: samples uint8 [N, S, S, C], all of whose sides are S. class_names: of the samples.
    source: whose images are cut and resized as in training. network: None, or a feature network,
    as in `jaxrepro.metrics.samples.nearest.feature_vectors`, with a `name`.
    """
    import numpy as np

    from jaxrepro.data.pipeline import eval_batches
    from jaxrepro.data.transforms import square_transform
    from jaxrepro.draw.sheet import row_sheet
    from jaxrepro.metrics.samples.nearest import feature_vectors, nearest_images, pixel_vectors

    transform = square_transform(images.shape[1], channels=images.shape[-1])
    index, distance = nearest_images(
        images,
        eval_batches(source, transform, min(_BLOCK, len(source))),
        num_neighbours,
        pixel_vectors if network is None else feature_vectors(network),
    )
    if network is None:
        distance = distance / 255
    rows, samples = [], []
    for i, (numbers, far) in enumerate(zip(index, distance, strict=True)):
        near = [transform.prepare(source[int(number)]) for number in numbers]
        rows += [images[i], *(item["image"] for item in near)]
        neighbours = [
            {
                "index": int(number),
                "class": source.class_names[int(item["label"])],
                "distance": float(d),
            }
            for number, item, d in zip(numbers, near, far, strict=True)
        ]
        samples.append({"sample": i, "class": class_names[i], "neighbours": neighbours})
    space = "pixels in [0, 1]" if network is None else network.name
    return row_sheet(np.stack(rows), class_names), {"space": space, "samples": samples}


if __name__ == "__main__":
    cli.run(define_flags, main)
