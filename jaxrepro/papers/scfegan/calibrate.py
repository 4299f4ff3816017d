"""Measures how large the generator's terms are, and prints scales that make feature terms count.

  python -m jaxrepro.papers.scfegan.calibrate --config=configs/scfegan.py:128 --steps=100

Trains the config for so many updates, keeps nothing, and prints the terms' mean sizes over the last
half of them, and the `loss.percept_scale` and `loss.style_scale` with which the perceptual and the
style terms are each as large as the pixel term. The paper's weights belong to one feature network's
scale; other weights, and random ones, need other factors.
"""

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_integer("steps", 100, "Updates to train, 2 or more.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.config is None:
        raise InputError("no config given; for example --config=configs/scfegan.py:128")
    if args.steps < 2:
        raise InputError(f"--steps={args.steps}; it must be 2 or more")
    if args.config.task != "scfegan" or args.config.num_seeds != 1:
        raise InputError("this measures one seed of a config of scfegan")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    import jax

    from jaxrepro import papers
    from jaxrepro.core import config
    from jaxrepro.papers.scfegan.training.calibration import (
        magnitude_table,
        suggested_scales,
        term_magnitudes,
    )

    task = papers.make_task(config.Settings(args.config))
    # A few updates to read the terms from, without checkpoints and logs: not the loop.
    state = jax.jit(task.init)(jax.random.key(args.config.seed))
    update = jax.jit(task.train_step, donate_argnums=0)
    batches = task.train_data(0, 0, 1)
    kept = []
    for step in range(args.steps):
        state, logs = update(state, next(batches))
        if step >= args.steps // 2:
            kept.append({name: float(x) for name, x in logs.items()})
    batches.close()
    prefix = "loss/g/"
    sizes = term_magnitudes(
        {name.removeprefix(prefix): x for name, x in row.items() if name.startswith(prefix)}
        for row in kept
    )
    print(magnitude_table(sizes, task.update.features.name))
    for name, value in suggested_scales(task.update.objective, sizes).items():
        print(f"loss.{name}={value:.3g}")


if __name__ == "__main__":
    cli.run(define_flags, main)
