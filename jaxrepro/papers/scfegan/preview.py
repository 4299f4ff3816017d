"""A sheet of edits beside what they were made of."""

from collections.abc import Sequence

import numpy as np

from jaxrepro.metrics.sheet import sheet
from jaxrepro.papers.scfegan.fidelity import Example

_GREY, _WHITE = 128, 255


def preview_sheet(
    examples: Sequence[Example], raw: Sequence[np.ndarray], edits: Sequence[np.ndarray]
) -> np.ndarray:
    """Returns rows of six pictures, uint8 [H', W', 3], one row an example.

    From the left: the picture with its hole in grey, the sketch in the hole, black on white; the
    colours given in the hole, on white; the generator's whole picture `raw`; the edit; the truth.
    """
    cells = []
    for example, whole, edit in zip(examples, raw, edits, strict=True):
        hole = example["mask"] > 0
        lines = hole & (example["sketch"] > 0)
        colored = hole & (example["strokes"] > 0)
        cells += [
            np.where(hole, np.uint8(_GREY), example["image"]),
            np.where(lines, np.uint8(0), np.full_like(example["image"], _WHITE)),
            np.where(colored, example["color"], np.uint8(_WHITE)),
            whole,
            edit,
            example["image"],
        ]
    return sheet(np.stack(cells), 6)
