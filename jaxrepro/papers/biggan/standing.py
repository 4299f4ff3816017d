"""Computes standing statistics for truncations, and writes them with the generator as an export.

python -m jaxrepro.papers.biggan.standing --model=runs/biggan128 --mode=resample \
    --truncations=0.1,0.2,0.5,1.0 --passes=100 --batch_size=50 --output=exports/biggan128

The batch-norm statistics of training belong to latents that are not truncated. Standing statistics
are those of the truncation that is sampled with (arXiv 1809.11096, section 3.1 and appendix).
"""

import functools
import math
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.sampling import sampling_flags

if TYPE_CHECKING:
    from jaxrepro.papers.biggan.trained import TrainedGenerator


def define_flags() -> None:
    """Defines the command's flags."""
    sampling_flags.define_generator_flags()
    sampling_flags.define_mode_flag()
    flags.DEFINE_list("truncations", None, "Thresholds, such as 0.1,0.2,0.5,1.0.")
    flags.DEFINE_integer("passes", 100, "Forward passes to average for each truncation.")
    flags.DEFINE_integer("batch_size", 50, "Images of a pass.")
    flags.DEFINE_string(
        "output",
        None,
        "Folder of the export to write. It may be the one of --model; tables of other modes in "
        "that one are kept.",
    )


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    given = sampling_flags.given_generator(args, output="exports/biggan128")
    cli.check_at_least(1, args, "passes", "batch_size")
    truncations = parse_truncations(args.truncations)
    mode = args.mode or "resample"

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core.checkpoints.export import write_export
    from jaxrepro.papers.biggan.network.standing_table import table_name
    from jaxrepro.papers.biggan.trained import load_generator

    generator = load_generator(**given)
    table = standing_table(
        generator,
        mode,
        sorted(truncations),
        passes=args.passes,
        batch_size=args.batch_size,
        seed=args.seed,
    )
    output = pathlib.Path(args.output)
    write_export(output, generator.to_export({**generator.tables, table_name(mode): table}))
    print(
        f"{generator.origin} with table {table_name(mode)} of {len(truncations)} truncations, "
        f"{args.passes} passes of {args.batch_size} images each, in {output}"
    )


def parse_truncations(given: Sequence[str] | None) -> list[float]:
    """Returns distinct positive numbers in the order given; InputError for anything else."""
    example = "such as --truncations=0.1,0.5,1.0"
    if not given:
        raise InputError(f"give --truncations, {example}")
    try:
        values = [float(word) for word in given]
    except ValueError as error:
        raise InputError(f"--truncations={','.join(given)}: not numbers; {example}") from error
    if any(not (math.isfinite(x) and x > 0) for x in values) or len(set(values)) < len(values):
        raise InputError(
            f"--truncations={','.join(given)}: they must differ and be greater than 0; {example}"
        )
    return values


def standing_table(
    generator: "TrainedGenerator",
    mode: str,
    truncations: Sequence[float],
    *,
    passes: int,
    batch_size: int,
    seed: int,
    devices: Sequence[Any] | None = None,
) -> dict[str, Any]:
    """Returns the table of standing statistics, as `standing_table.statistics_at` takes it.

    Each row holds the plain averages, over `passes` batches in training mode, of the batches' means
    and of their biased variances, as in the author's code (which always draws z from N(0, 1)
    there; here z is truncated as samples are). The variance of a small batch is on average below
    that of all images together; with more images a pass the difference goes away. Latents follow
    the mode and threshold, classes are uniform. The sums are float64, of passes that are the same
    to the last bit on any number of devices of one kind.

    mode: "resample", "scaled" or "gaussian" (of which threshold 1 is no truncation).
    truncations: ascending. Raises InputError for a mode that takes no threshold, or one that the
    generator's latent does not allow.
    """
    import jax
    import numpy as np

    from jaxrepro.core.devices.row_map import RowMap
    from jaxrepro.core.random import named_key
    from jaxrepro.papers.biggan.network.truncation import check_truncation

    for threshold in truncations:
        check_truncation(generator.latent, mode, threshold)
    one_pass = functools.partial(_pass_moments, generator, mode, batch_size)
    run = RowMap(one_pass, batch_size=1, devices=devices)
    rows = []
    for threshold in truncations:
        shared = {
            "variables": generator.variables,
            "key": named_key(jax.random.key(seed), "standing"),
            "threshold": np.float32(threshold),
        }
        moments = run(shared, {"pass": np.arange(passes, dtype=np.int32)})
        rows.append(jax.tree.map(lambda x: np.mean(x, 0, np.float64), moments))
    stacked = jax.tree.map(lambda *x: np.stack(x).astype(np.float32), *rows)
    return {"truncation": np.asarray(truncations, np.float64), "batch_stats": stacked}


def _pass_moments(generator: "TrainedGenerator", mode: str, batch_size: int, shared, rows) -> Any:
    """Returns the moments of every batch norm, leaves [1, C], in pass number rows["pass"][0]."""
    import jax
    import jax.numpy as jnp

    from jaxrepro.core.random import streams
    from jaxrepro.papers.biggan.network.truncation import truncated_latents

    # The whole pass is one batch, also of a generator that was trained with several groups.
    module = generator.module.clone(bn_groups=1)
    z_key, label_key = streams(shared["key"], rows["pass"][0], "z", "label")
    index = jnp.arange(batch_size)
    z = truncated_latents(generator.latent, mode, z_key, index, module.dim_z, shared["threshold"])
    labels = jax.random.randint(label_key, (batch_size,), 0, module.num_classes)
    collections = ["batch_moments", "batch_stats", "spectral"]
    _, updates = module.apply(shared["variables"], z, labels, train=True, mutable=collections)
    return jax.tree.map(lambda x: x[None], updates["batch_moments"])


if __name__ == "__main__":
    cli.run(define_flags, main)
