"""What the judge of digits says of a simple density model, as JSON.

python -m benchmarks.digits_baseline --output=baseline.json

A normal distribution is fitted to the pixels of each class of training digits at 16 pixels; five
draws of 1,000 samples are judged as the GAN's are. It puts a GAN's figures in context.
"""

from absl import flags

from benchmarks.environment import environment, publish
from jaxrepro.core import cli

_SIDE = 16
_PER_CLASS = 100
_NUM_DRAWS = 5


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_seed("Of the draws.")
    flags.DEFINE_string("output", None, "JSON file to write besides printing.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    measured = measure(args.seed)
    publish(
        {**environment(), "seed": args.seed, "num_draws": _NUM_DRAWS, **measured},
        "digits_baseline",
        args.output,
    )


def measure(seed: int) -> dict[str, float]:
    """Returns the judge's figures, the mean over the draws."""
    import numpy as np

    from jaxrepro.data.pipeline import eval_batches
    from jaxrepro.data.sources import open_source
    from jaxrepro.data.transforms import square_transform
    from jaxrepro.metrics.samples.digits import DigitsJudge

    arrays = []
    for split in ("train", "test"):
        source = open_source("digits", split=split, channels=1)
        (batch,) = eval_batches(source, square_transform(_SIDE, channels=1), len(source))
        arrays += [batch["image"], batch["label"]]
    judge = DigitsJudge(*arrays)
    images, labels = arrays[:2]
    rng = np.random.default_rng(seed)
    wanted = np.repeat(np.unique(labels), _PER_CLASS)
    draws = []
    for _ in range(_NUM_DRAWS):
        samples = []
        for label in np.unique(labels):
            pixels = images[labels == label].reshape(-1, _SIDE * _SIDE).astype(np.float64)
            # The pixels of an upsampled image depend on each other, so the covariance is singular.
            samples.append(
                rng.multivariate_normal(
                    pixels.mean(axis=0), np.cov(pixels.T), _PER_CLASS, method="eigh"
                )
            )
        drawn = np.clip(np.rint(np.concatenate(samples)), 0, 255).astype(np.uint8)
        draws.append(judge.judge(drawn.reshape(-1, _SIDE, _SIDE, 1), wanted))
    return {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}


if __name__ == "__main__":
    cli.run(define_flags, main, prints_json=True)
