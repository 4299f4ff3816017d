"""Draws images from a trained run.

python -m jaxrepro.papers.biggan.sample --workdir=runs/biggan_digits --classes=3,5 --num=100 \
    --seed=0 --output=threes_and_fives.png
"""

import io
import pathlib

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError

# The compiled batch; a constant, so that an image never depends on --num.
_BATCH_SIZE = 50


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string("workdir", None, "Folder of the run.")
    flags.DEFINE_integer("step", None, "Checkpoint to use; the latest by default.")
    flags.DEFINE_list("classes", None, "Class numbers or names; all by default.")
    flags.DEFINE_integer("num", 100, "Number of images; they take the classes in turn.")
    flags.DEFINE_integer("seed", 0, "Image i depends on the seed, i and its class alone.")
    flags.DEFINE_string(
        "output",
        None,
        "FILE.png: one sheet, a row a class. FILE.npz: arrays images uint8 [N,H,W,C] and labels "
        "int32 [N]. Anything else: a folder of single PNG images.",
    )


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.workdir is None or args.output is None:
        raise InputError(
            "give --workdir and --output, such as --workdir=runs/biggan_digits --output=sheet.png"
        )
    if args.num < 1:
        raise InputError(f"--num={args.num}; it must be 1 or more")
    output = pathlib.Path(args.output)

    from jaxrepro.core import runtime

    runtime.set_up()

    import numpy as np

    generator, latent, variables, class_names, step = load(pathlib.Path(args.workdir), args.step)
    classes = parse_classes(args.classes, class_names)
    labels = np.asarray([classes[i % len(classes)] for i in range(args.num)], np.int32)
    images = draw(generator, latent, variables, labels, args.seed)
    write(output, images, labels, class_names)
    print(f"{len(images)} images of step {step} in {output}")


def load(workdir: pathlib.Path, step: int | None = None):
    """Returns (generator, latent distribution, averaged variables, class names, step) of a run.

    Reads the model card and the moving average only: neither the config's data set nor the
    optimiser is needed. Raises InputError for a folder that is not a BigGAN run, or without
    checkpoints.
    """
    import jax
    import jax.numpy as jnp

    from jaxrepro.core.checkpoint import Checkpoints
    from jaxrepro.core.workdir import MODEL_CARD, read_json
    from jaxrepro.papers.biggan.networks import generator_from_card

    card = read_json(workdir / MODEL_CARD)
    if card.get("paper") != "biggan":
        raise InputError(f"{workdir} is a run of {card.get('paper')!r}, not of biggan")
    generator = generator_from_card(card["generator"])
    z, labels = jnp.zeros((1, generator.dim_z)), jnp.zeros((1,), jnp.int32)
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    shapes = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device),
        jax.eval_shape(lambda: generator.init(jax.random.key(0), z, labels, train=False)),
    )
    with Checkpoints(workdir, read_only=True) as checkpoints:
        if not checkpoints.steps:
            raise InputError(f"no checkpoint in {workdir} yet")
        step = checkpoints.steps[-1] if step is None else step
        part = checkpoints.restore_part(step, {"ema": {"g": shapes}})
    return generator, card["latent"], part["ema"]["g"], tuple(card["class_names"]), step


def parse_classes(given: list[str] | None, class_names: tuple[str, ...]) -> list[int]:
    """Returns the class numbers of numbers or names; all classes for None.

    Raises InputError for one that does not exist.
    """
    if not given:
        return list(range(len(class_names)))
    classes = []
    for word in given:
        if word in class_names:
            classes.append(class_names.index(word))
        elif word.isdecimal() and int(word) < len(class_names):
            classes.append(int(word))
        else:
            names = ", ".join(class_names[:10]) + (", ..." if len(class_names) > 10 else "")
            raise InputError(
                f"no class {word!r}; classes are 0 to {len(class_names) - 1}, named {names}"
            )
    return classes


def draw(generator, latent: str, variables, labels, seed: int):
    """Returns images uint8 [N, H, W, C] for labels int32 [N]."""
    import functools

    import jax
    import numpy as np

    from jaxrepro.data.padding import padded_batches
    from jaxrepro.papers.biggan.evaluators import generate

    one_batch = jax.jit(functools.partial(generate, generator, latent))
    rows = {"label": labels, "index": np.arange(len(labels), dtype=np.int32)}
    key = jax.random.key(seed)
    images = [
        np.asarray(one_batch(variables, key, batch["index"], batch["label"]))[batch["mask"]]
        for batch in padded_batches(rows, _BATCH_SIZE)
    ]
    return np.concatenate(images)


def write(output: pathlib.Path, images, labels, class_names: tuple[str, ...]) -> None:
    """Writes a sheet, an .npz or a folder, by the name of `output`; existing files are replaced.

    Raises InputError if `output` cannot be written.
    """
    import numpy as np

    from jaxrepro.core.files import write_atomically, write_png
    from jaxrepro.metrics.sheet import class_sheet

    if output.suffix == ".png":
        write_png(output, class_sheet(images, labels, class_names))
    elif output.suffix == ".npz":
        buffer = io.BytesIO()
        np.savez_compressed(buffer, images=images, labels=labels)
        write_atomically(output, buffer.getvalue())
    else:
        width = len(str(len(images) - 1))
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            write_png(output / f"{index:0{width}}_class{label}.png", image)


if __name__ == "__main__":
    cli.run(define_flags, main)
