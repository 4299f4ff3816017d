"""Claims about what is learnt: luma alone, three planes, or RGB."""

from collections.abc import Mapping
from types import MappingProxyType

from jaxrepro.evidence.claim import Arm, Claim, Kept, Result
from jaxrepro.evidence.rules import All, Between, Near, Order
from jaxrepro.papers.srcnn.evidence.parts import ARTICLE, DATA, RELEASED_91
from jaxrepro.papers.srcnn.tables.figures import CITATION

RECORD = "srcnn_colors.json"
RESULTS = tuple(
    Result(f"psnr_{name}", title, unit="dB")
    for name, title in [
        ("y", "Y"),
        ("cb", "Cb"),
        ("cr", "Cr"),
        ("pooled", "pooled Y Cb Cr"),
        ("rgb", "R G B"),
    ]
)
_PLANES, _RGB = "interpolated Y Cb Cr", "interpolated R G B"
_AUTHORS = "the authors' 9-1-5, luma"
# Labels of the rows of the record, in its order.
ROWS = (
    _PLANES,
    _RGB,
    "luma",
    "ycbcr",
    "y-first",
    "cbcr-first",
    "rgb",
    "rgb-from-y",
)
_COMMAND = (
    "python -m jaxrepro.papers.srcnn.colors --model=runs/t91,runs/color_ycbcr,"
    "runs/color_y-first,runs/color_cbcr-first,runs/color_rgb,runs/color_rgb-from-y "
    "--data=folder:Set5"
)
# Of the column that the paper calls that of the RGB colour image, and of each plane.
_PUBLISHED = {
    _PLANES: {"psnr_y": 30.39, "psnr_cb": 45.44, "psnr_cr": 45.42, "psnr_pooled": 34.57},
    _AUTHORS: {"psnr_y": 32.39, "psnr_cb": 45.44, "psnr_cr": 45.42, "psnr_pooled": 36.37},
}


def _row(label: str, published: Mapping[str, float] = MappingProxyType({})) -> Arm:
    row = ROWS.index(label)
    values = {result.name: f"/rows/{row}/{result.name}" for result in RESULTS}
    return Arm(
        label,
        kept=Kept(RECORD, values, _COMMAND),
        published=published,
        seeded=label not in (_PLANES, _RGB),
    )


_PROTOCOL = (
    "9-1-5 at x3 on Set5, 12,000 updates of 16 patches of T91 each; planes rounded to 8 bits, "
    "edges as wide as the scale left out, mean over pictures; pooled: the squared errors of Y, Cb "
    "and Cr together."
)


def _better(
    name: str,
    says: str,
    higher: str,
    lower: str,
    source: str,
    *,
    rows: tuple[str, ...] = (),
    note: str = "",
    rgb: bool = False,
) -> Claim:
    """Returns the claim that one strategy has more decibels over three planes than another.

    rows: what is shown, by default both and interpolation. rgb: the measure is that of RGB.
    """
    rows = rows or tuple(row for row in ROWS if row in (_PLANES, _RGB, higher, lower))
    return Claim(
        f"srcnn/{name}",
        says,
        source,
        tuple(map(_row, rows)),
        RESULTS,
        Order(higher, lower, "psnr_rgb" if rgb else "psnr_pooled"),
        quoted="memory" if source == CITATION else "read",
        protocol=_PROTOCOL,
        data=DATA,
        note=note,
    )


CLAIMS = (
    Claim(
        "srcnn/color_column_is_pooled",
        "The paper's column of the RGB colour image is the squared error pooled over Y, Cb and Cr, "
        "not PSNR in RGB.",
        CITATION,
        (
            _row(_PLANES, _PUBLISHED[_PLANES]),
            Arm(
                _AUTHORS,
                verb="jaxrepro.papers.srcnn.colors",
                flags=(f"--model={RELEASED_91}", "--data=folder:{data}/Set5", "--scale=3"),
                values={result.name: f"/rows/2/{result.name}" for result in RESULTS},
                published=_PUBLISHED[_AUTHORS],
                seeded=False,
                minutes=0.2,
            ),
        ),
        RESULTS,
        All(
            *(
                Near(label, name, value, 0.01)
                for name in _PUBLISHED[_PLANES]
                for label, value in ((a, figures[name]) for a, figures in _PUBLISHED.items())
            ),
            *(
                Between(label, "psnr_rgb", high=figures["psnr_pooled"] - 1)
                for label, figures in _PUBLISHED.items()
            ),
        ),
        quoted="second hand",
        protocol="Set5, x3; planes rounded to 8 bits, edges as wide as the scale left out.",
        data=DATA,
        note="The figures were not read in the paper; interpolation and the authors' weights "
        "confirm them.",
    ),
    _better(
        "rgb_above_luma",
        "Learning R, G and B together is better than luma alone.",
        "rgb",
        "luma",
        CITATION,
        rows=ROWS,
    ),
    _better(
        "luma_above_three_planes",
        "Y, Cb and Cr learnt together from scratch are worse than luma alone.",
        "luma",
        "ycbcr",
        CITATION,
    ),
    _better(
        "luma_first",
        "To learn luma first is better than all three planes from the start.",
        "y-first",
        "ycbcr",
        CITATION,
        note="Half of these few updates go to the first plane.",
    ),
    _better(
        "chroma_first",
        "To learn Cb and Cr first is better than all three planes from the start.",
        "cbcr-first",
        "ycbcr",
        CITATION,
        note="Half of these few updates go to the first planes.",
    ),
    _better(
        "rgb_from_luma",
        "RGB that begins with the parameters of a luma network is better than RGB from scratch.",
        "rgb-from-y",
        "rgb",
        ARTICLE,
        note="rgb-from-y has had the updates of `luma` before its own.",
        rgb=True,
    ),
    _better(
        "rgb_from_scratch_collapses",
        "RGB from scratch collapses: it ends below its own input.",
        _RGB,
        "rgb",
        ARTICLE,
        rgb=True,
    ),
)
