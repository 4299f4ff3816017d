"""Lists, checks and looks into the checkpoints of a run:

    python -m jaxrepro.checkpoints --workdir=runs/biggan_digits
    python -m jaxrepro.checkpoints --workdir=runs/biggan_digits --step=500

Without --step: every checkpoint, its size, and whether its files are as they were written. With it:
every array of that one, with what is not finite in it. Nothing is changed. The state that the NaN
guard keeps is looked at in the same way: --workdir=runs/biggan_digits/debug.
"""

import sys

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string("workdir", None, "Folder of the run; it may still be going on.")
    cli.define_step("Checkpoint whose arrays are listed; without it, all checkpoints are.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.workdir is None:
        raise InputError("no workdir given; for example --workdir=runs/biggan_digits")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core.checkpoints.restore import open_checkpoint

    with open_checkpoint(place(args.workdir), args.step) as (checkpoints, step):
        if args.step is not None:
            _list_arrays(checkpoints.read_arrays(step))
            return
        damaged = 0
        for saved in checkpoints.steps:
            size, damage = checkpoints.size(saved), checkpoints.find_damage(saved)
            state = {None: "no digests to compare with", "": "as it was written"}.get(
                damage, damage
            )
            damaged += bool(damage)
            print(f"step {saved:>9}  {size / 1e6:10.1f} MB  {state}")
        if damaged:
            sys.exit(1)


def _list_arrays(arrays) -> None:
    import numpy as np

    for name, x in arrays.items():
        line = f"{name}  {x.dtype}{list(x.shape)}"
        # NumPy's own kinds do not hold bfloat16.
        if x.size and x.dtype.kind not in "iub":
            wide = x.astype(np.float64)
            finite = wide[np.isfinite(wide)]
            if finite.size:
                line += f"  from {finite.min():.4g} to {finite.max():.4g}, mean {finite.mean():.4g}"
            if bad := x.size - finite.size:
                line += f"  NOT FINITE: {bad} of {x.size}"
        print(line)


if __name__ == "__main__":
    cli.run(define_flags, main)
