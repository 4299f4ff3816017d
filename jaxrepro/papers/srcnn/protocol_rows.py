"""The protocols that a network is compared under, and what each does differently."""

import dataclasses
from typing import Any

from jaxrepro.papers.srcnn.protocol import (
    MEAN_OF_PATCHES,
    MEAN_OF_PATCHES_BY_PICTURE,
    MEAN_OF_PICTURES,
    PATCHES,
    POOLED,
    Protocol,
    published,
)

# A patch of one colour has no error and no PSNR; this one counts as 68.13 dB.
ERROR_FLOOR = 0.01


# (label, what it is, fields of the protocol) of each way to average over patches.
_POOLED = ("pooled", "one error over the centres of all patches", {"averaging": POOLED})
_PICTURES = ("pictures", "one error a picture", {"averaging": MEAN_OF_PICTURES})
_PATCHES = (
    "patches",
    "one PSNR a patch, mean of all patches",
    {"averaging": MEAN_OF_PATCHES, "error_floor": ERROR_FLOOR},
)
_PATCHES_BY_PICTURE = (
    "patches by picture",
    "one PSNR a patch, mean in each picture, then of pictures",
    {"averaging": MEAN_OF_PATCHES_BY_PICTURE, "error_floor": ERROR_FLOOR},
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One protocol: its name in the table, and what differs from the published one."""

    name: str
    difference: str
    protocol: Protocol


def protocol_rows(scale: int, margin: int) -> tuple[Row, ...]:
    """Returns the rows of the table, the published protocol first.

    The article's tasks are among them at its scale, 3.

    margin: what the network's valid convolutions take from every side.
    """
    reference = published(scale)

    def row(name: str, difference: str, **changes: Any) -> Row:
        changed = dataclasses.replace(reference, metric="PSNR", **changes)
        return Row(name, difference, changed)

    return (
        row("published", "the authors' code; all published numbers"),
        row("output not rounded", "compared as floating numbers", output_rounding="none"),
        row("float64", "instead of float32", precision="float64"),
        row("one error", "squared errors of all pictures pooled", averaging=POOLED),
        row("shave 0", "edges counted", shave=0),
        row(
            "valid",
            f"no padding, the centre compared ({margin} pixels lost)",
            padding="valid",
            shave=0,
        ),
        row("zero padding", "zeros beyond the edges instead of their values", padding="zero"),
        row("zero padding, shave 0", "the same with the edges counted", padding="zero", shave=0),
        row("8-bit low resolution", "stored before it is enlarged", low_rounding="8 bits"),
        row(
            "pillow-bicubic",
            "Pillow resizes, on 8 bits",
            degradation="pillow-bicubic",
            low_rounding="8 bits",
        ),
        row("opencv-cubic", "OpenCV resizes: no antialiasing", degradation="opencv-cubic"),
        row("gauss-bicubic", "the paper's text: blur, sub-sample", degradation="gauss-bicubic"),
        row("full-range luma", "0..255 instead of 16..235: Pillow, OpenCV, JPEG", luma="full"),
        *(
            row(
                f"published on patches: {label}",
                f"{text}; not rounded",
                padding="valid",
                output_rounding="none",
                region=PATCHES,
                shave=0,
                **averaging,
            )
            for label, text, averaging in (_POOLED, _PATCHES)
        ),
        *(
            row(
                f"{degradation}: {label}",
                text,
                degradation=degradation,
                luma="full",
                low_rounding="8 bits",
                padding="valid",
                output_rounding="none",
                region=PATCHES,
                shave=0,
                **averaging,
            )
            for degradation in (("article-literal", "article-intended") if scale == 3 else ())
            for label, text, averaging in (_POOLED, _PICTURES, _PATCHES, _PATCHES_BY_PICTURE)
        ),
    )
