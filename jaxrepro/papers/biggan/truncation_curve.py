"""Measures a generator at several truncations: fidelity against distance, as in the paper's plots.

python -m jaxrepro.papers.biggan.truncation_curve --model=runs/biggan32 \
    --source=tfds:cifar10 --truncations=0.25,0.5,1,2 --num=5000 --output=curve.json

For each truncation the standing statistics of batch norm are computed anew, and samples are
compared with real images. The figures go to curve.json and a plot of them to curve.png.
"""

import functools
import importlib.util
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.sampling import sampling_flags

if TYPE_CHECKING:
    from jaxrepro.metrics.features.feature_network import FeatureNetwork
    from jaxrepro.metrics.samples.comparison import ComparisonSettings
    from jaxrepro.metrics.samples.feature_set import FeatureSet
    from jaxrepro.papers.biggan.trained import TrainedGenerator


def define_flags() -> None:
    """Defines the command's flags."""
    sampling_flags.define_generator_flags()
    sampling_flags.define_mode_flag()
    flags.DEFINE_list("truncations", None, "Thresholds, such as 0.25,0.5,1,2.")
    flags.DEFINE_integer("num", 50_000, "Samples for each truncation.")
    flags.DEFINE_string("source", None, "The training images, as in a config's data.source.")
    flags.DEFINE_string("split", "train", "Their split.")
    flags.DEFINE_string(
        "features", "", "File of Inception weights; without one, a classifier of the images."
    )
    flags.DEFINE_integer("num_reference", 50_000, "Real images to compare with, at most.")
    flags.DEFINE_integer("neighborhood_samples", 10_000, "For precision and recall; 0 for none.")
    flags.DEFINE_integer("passes", 100, "Forward passes for standing statistics.")
    flags.DEFINE_integer("batch_size", 50, "Images of a pass, and that a device makes at once.")
    flags.DEFINE_string("output", None, "FILE.json; the plot is FILE.png beside it.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    from jaxrepro.papers.biggan.standing import parse_truncations

    given = sampling_flags.given_generator(args, output="curve.json")
    cli.check_at_least(1, args, "num", "passes", "batch_size", "num_reference")
    truncations = sorted(parse_truncations(args.truncations))
    output = pathlib.Path(args.output)
    if output.suffix != ".json":
        raise InputError(f"--output={output}: its name must end in .json")
    if args.source is None:
        raise InputError("give --source, the training images, such as --source=tfds:cifar10")
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("the plot needs matplotlib: install jaxrepro[plots]")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core.files.strict_json import write_strict_json
    from jaxrepro.core.files.whole_files import write_atomically
    from jaxrepro.core.run import run_record
    from jaxrepro.data.sources import open_source
    from jaxrepro.data.transforms import square_transform
    from jaxrepro.metrics.feature_choice import feature_network
    from jaxrepro.metrics.samples.comparison import ComparisonSettings, comparison_warnings
    from jaxrepro.metrics.samples.feature_set import reference_set
    from jaxrepro.papers.biggan.trained import load_generator

    settings = ComparisonSettings(neighborhood_samples=args.neighborhood_samples)
    settings.check(min(args.num, args.num_reference))
    generator = load_generator(**given)
    module = generator.module
    source = open_source(args.source, split=args.split, channels=module.channels)
    transform = square_transform(module.resolution, channels=module.channels)
    network = feature_network(args.features, source, transform, module.resolution)
    real = reference_set(network, source, transform, args.num_reference, args.batch_size)
    mode = args.mode or "resample"
    points = curve(
        generator,
        network,
        real,
        mode,
        truncations,
        num=args.num,
        passes=args.passes,
        batch_size=args.batch_size,
        seed=args.seed,
        settings=settings,
    )
    for message in comparison_warnings(len(real), args.num, network.num_features):
        print(f"warning: {message}")
    record = {
        "generator": generator.origin,
        "source": repr(source),
        "network": network.name,
        "mode": mode,
        "num_samples": args.num,
        "standing_statistics": {"passes": args.passes, "batch_size": args.batch_size},
        "seed": args.seed,
        "points": points,
        **run_record.noticed(),
    }
    write_strict_json(output, record)
    write_atomically(output.with_suffix(".png"), plot(points, f"{generator.origin}, {mode}"))
    for point in points:
        figures = ", ".join(f"{k} {v:.4g}" for k, v in point["results"].items())
        print(f"truncation {point['truncation']:g}: {figures}")
    print(f"curve of {len(points)} truncations in {output} and {output.with_suffix('.png')}")


def curve(
    generator: "TrainedGenerator",
    network: "FeatureNetwork",
    real: "FeatureSet",
    mode: str,
    truncations: Sequence[float],
    *,
    num: int,
    passes: int,
    batch_size: int,
    seed: int,
    settings: "ComparisonSettings",
) -> list[dict[str, Any]]:
    """Returns [{"truncation": T, "results": {name: number}}, ...], in the order of `truncations`.

    Every truncation has standing statistics of its own, of `passes` batches, and the same sample
    numbers and classes, which are uniform. Raises InputError if mode, thresholds and the
    generator's latent do not fit together, or samples are too few.
    """
    import jax
    import numpy as np

    from jaxrepro.core.devices.row_map import RowMap
    from jaxrepro.metrics.samples.comparison import compare
    from jaxrepro.metrics.samples.feature_set import FeatureSet
    from jaxrepro.papers.biggan.network.standing_table import statistics_at
    from jaxrepro.papers.biggan.standing import standing_table

    classes = np.random.default_rng(seed).integers(generator.module.num_classes, size=num)
    rows = {"index": np.arange(num, dtype=np.int32), "label": classes.astype(np.int32)}
    extract = RowMap(functools.partial(_features, generator, network, mode), batch_size)
    points = []
    for threshold in truncations:
        table = standing_table(
            generator, mode, [threshold], passes=passes, batch_size=batch_size, seed=seed
        )
        shared = {
            "generator": {
                **generator.variables,
                "batch_stats": statistics_at(table, threshold),
            },
            "network": network.variables,
            "key": jax.random.key(seed),
            "threshold": np.float32(threshold),
        }
        out = extract(shared, rows)
        samples = FeatureSet(out.features, out.logits, rows["label"])
        results = compare(network.name, real, samples, settings)
        points.append({"truncation": threshold, "results": results})
    return points


def plot(points: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """Returns a PNG: the score, and precision where it was measured, against the distance."""
    import io

    import matplotlib
    from matplotlib.figure import Figure

    from jaxrepro.core.reports.text_output import one_line

    def values(*quantities: str) -> tuple[str, list[float]] | None:
        for name in points[0]["results"]:
            if name.partition("@")[0] in quantities:
                return name, [point["results"][name] for point in points]
        return None

    distance = values("frechet", "fid")
    fidelity = [values("inception_score", "classifier_score"), values("precision")]
    panels = [panel for panel in fidelity if panel is not None]
    assert distance is not None
    # Names of folders are no formulas.
    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(5 * len(panels), 3.6), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, (name, heights) in zip(axes, panels, strict=True):
            axis.plot(distance[1], heights, marker="o", linewidth=1)
            for point, x, y in zip(points, distance[1], heights, strict=True):
                axis.annotate(f" {point['truncation']:g}", (x, y))
            axis.set_xlabel(distance[0])
            axis.set_ylabel(name)
            axis.grid(alpha=0.3)
        figure.suptitle(one_line(title), fontsize=9)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _features(
    generator: "TrainedGenerator", network: "FeatureNetwork", mode: str, shared: Any, rows: Any
) -> Any:
    """Returns the features and logits of the samples of `rows`."""
    from jaxrepro.papers.biggan.measures.evaluators import to_pixels
    from jaxrepro.papers.biggan.network.truncation import truncated_latents

    module = generator.module
    z = truncated_latents(
        generator.latent, mode, shared["key"], rows["index"], module.dim_z, shared["threshold"]
    )
    images = module.apply(shared["generator"], z, rows["label"], train=False)
    return network.apply(shared["network"], to_pixels(images))


if __name__ == "__main__":
    cli.run(define_flags, main)
