r"""Measures a trained generator beside fillings that learn nothing, by the size of the hole.

  python -m jaxrepro.papers.scfegan.evaluate --model=runs/scfegan_128 --source=faces:faces128

Prints the error in the hole, and how well sketch and colours were followed, of the generator given
both, one of them, or neither; of the mean of the training pictures; and of biharmonic filling. The
holes, sketches and colours are those that a run with the default settings is measured on.
"""

from typing import TYPE_CHECKING, Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference import network_flags

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from jaxrepro.papers.scfegan.measures.fidelity import Example
    from jaxrepro.papers.scfegan.trained import Trained

_BATCH_SIZE = 8


def define_flags() -> None:
    """Defines the command's flags."""
    network_flags.define_network(average=True)
    flags.DEFINE_string("source", None, "Pictures: faces:DIR, or photo_crops.")
    flags.DEFINE_enum("split", "held_out", ["held_out", "train", "all"], "Of the pictures.")
    flags.DEFINE_integer("num", 0, "Pictures to measure on, at most; 0 for all.")
    flags.DEFINE_boolean("biharmonic", True, "Fill holes smoothly too; slow for large pictures.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    given = network_flags.given_network(args, "runs/scfegan_128")
    if args.source is None:
        raise InputError("--source is missing, such as --source=faces:faces128")
    if args.num < 0 or args.num == 1:
        raise InputError(f"--num={args.num}; measure two or more pictures, or 0 for all")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.papers.scfegan.examples.training_examples import (
        ExampleSettings,
        FixedExamples,
        conditions_of,
    )
    from jaxrepro.papers.scfegan.faces.face_sets import open_faces
    from jaxrepro.papers.scfegan.faces.sketches import canny_sketch
    from jaxrepro.papers.scfegan.measures.evaluators import WITHHELD, mean_face
    from jaxrepro.papers.scfegan.measures.fidelity import (
        baseline_edits,
        comparison_table,
        edit_scores,
    )
    from jaxrepro.papers.scfegan.trained import load_trained

    trained = load_trained(**given)
    size = trained.resolution
    faces = open_faces(args.source, split=args.split, size=size)
    fixed = FixedExamples(faces, ExampleSettings(aligned=faces.aligned).without_augmentation())
    num = min(len(faces), args.num or len(faces))
    examples = [conditions_of(fixed[i]) for i in range(num)]
    edit = generator_edits(trained)
    edits = {"generator": edit(examples)}
    for name, absent in WITHHELD.items():
        without = [{**e, **{key: 0 * e[key] for key in absent}} for e in examples]
        edits[name.replace("_", " ")] = edit(without)
    mean = mean_face(open_faces(args.source, split="train", size=size))
    edits |= baseline_edits(examples, mean, biharmonic=args.biharmonic)
    scores = {name: edit_scores(x, examples, canny_sketch) for name, x in edits.items()}
    print(f"{trained.origin}; {num} pictures of {faces!r}")
    print(comparison_table(scores))


def generator_edits(
    trained: "Trained",
) -> "Callable[[Sequence[Example]], Sequence[np.ndarray]]":
    """Returns the function from examples of one size to their edits, uint8 [H, W, 3] each."""
    import numpy as np

    from jaxrepro.core.devices.row_map import RowMap
    from jaxrepro.papers.scfegan.network.conditions import composite, generator_input, to_bytes

    step = 1 if trained.channel_order == "rgb" else -1

    def complete(variables: Any, rows: Any) -> Any:
        turned = {**rows, "image": rows["image"][..., ::step], "color": rows["color"][..., ::step]}
        picture: Any = trained.module.apply(variables, generator_input(turned))
        return composite(to_bytes(picture[..., ::step]), rows["image"], rows["mask"])

    edits = RowMap(complete, _BATCH_SIZE)

    def edit(examples: "Sequence[Example]") -> "Sequence[np.ndarray]":
        rows = {name: np.stack([example[name] for example in examples]) for name in examples[0]}
        return list(edits(trained.variables, rows))

    return edit


if __name__ == "__main__":
    cli.run(define_flags, main)
