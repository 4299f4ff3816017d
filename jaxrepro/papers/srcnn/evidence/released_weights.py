"""Claims that the authors' released weights decide."""

from collections.abc import Iterable, Mapping
from typing import Any

from jaxrepro.evidence.claim import Arm, Claim, Kept, Result
from jaxrepro.evidence.rules import All, Between, Near, Order
from jaxrepro.papers.srcnn.evidence.parts import OURS, PROTOCOL, SET5, SET14
from jaxrepro.papers.srcnn.tables.figures import BICUBIC, CITATION, IMAGENET, IMAGES, NETWORKS

RECORD = "srcnn_published.json"
_SETS, _SCALES = ("set5", "set14"), (2, 3, 4)
# Methods of the record, in its order; only x3 has all of them.
_METHODS = {
    2: ("bicubic", "linear 13x13", "9-1-5 (91)", "9-5-5"),
    3: ("bicubic", "linear 13x13", "9-1-5 (91)", "9-1-5", "9-3-5", "9-5-5"),
    4: ("bicubic", "linear 13x13", "9-1-5 (91)", "9-5-5"),
}
_SSIM = Result("set5/ssim", "Set5, SSIM", digits=4)
_AT_X3 = f"x3. {PROTOCOL}"
_NOTE = (
    "The figures were not read in the paper: they are known from others who quote it, and the "
    "authors' own weights confirm them."
)
# What was read of SSIM by anyone is that of x3 on Set5 alone.
_SSIM_SCALE = 3


def pointer(name: str, scale: int, method: str, what: str = "mean_psnr") -> str:
    """Returns where the record has a method's mean on the set called `name`."""
    number = _SETS.index(name) * len(_SCALES) + _SCALES.index(scale)
    return f"/results/{number}/methods/{_METHODS[scale].index(method)}/{what}"


def _at_x3(label: str, method: str = "", published: dict[str, float] | None = None) -> Arm:
    values = {f"{name}/psnr": pointer(name, 3, method or label) for name in _SETS}
    return Arm(label, kept=_kept(values), published=published or {}, seeded=False)


def _by_scale(
    method: str, scales: Iterable[int], figures: Mapping[tuple[str, int], Any]
) -> tuple[Arm, ...]:
    """Returns an arm a scale, with what was published: PSNR, and SSIM where somebody read it."""
    arms = []
    for scale in scales:
        values = {f"{name}/psnr": pointer(name, scale, method) for name in _SETS}
        known = {name: figures[name, scale] for name in _SETS if (name, scale) in figures}
        published = {f"{name}/psnr": psnr for name, (psnr, _) in known.items()}
        if scale == _SSIM_SCALE and known["set5"][1] is not None:
            values[_SSIM.name] = pointer("set5", scale, method, "mean_ssim")
            published[_SSIM.name] = known["set5"][1]
        arms.append(Arm(f"x{scale}", kept=_kept(values), published=published, seeded=False))
    return tuple(arms)


def _kept(values: dict[str, str]) -> Kept:
    return Kept(RECORD, values, "/command")


def _as_published(name: str, says: str, arms: tuple[Arm, ...], source: str) -> Claim:
    """Returns the claim that every published figure of the arms is what is measured."""
    tolerances = {SET5.name: 0.01, SET14.name: 0.01, _SSIM.name: 0.0005}
    results = tuple(r for r in (SET5, SET14, _SSIM) if any(r.name in a.published for a in arms))
    near = [
        Near(arm.label, result.name, arm.published[result.name], tolerances[result.name])
        for result in results
        for arm in arms
        if result.name in arm.published
    ]
    return Claim(
        f"srcnn/{name}",
        says,
        source,
        _only(arms, results),
        results,
        All(*near),
        quoted="second hand",
        protocol=PROTOCOL,
        note=_NOTE,
    )


def _only(arms: tuple[Arm, ...], results: tuple[Result, ...]) -> tuple[Arm, ...]:
    """Returns the arms without the values of other results."""
    names = [result.name for result in results]
    return tuple(
        Arm(
            arm.label,
            kept=_kept({n: str(p) for n, p in arm.kept.values.items() if n in names}),
            published=arm.published,
            seeded=False,
        )
        for arm in arms
        if arm.kept is not None
    )


def _network(name: str, sides: str, training: str) -> Claim:
    source, figures = NETWORKS[sides, training]
    method = f"{sides} (91)" if training == IMAGES else sides
    scales = sorted({scale for _, scale in figures})
    arms = _by_scale(method, scales, dict(figures))
    says = f"The authors' {sides}, trained on {training}, has the published decibels."
    return _as_published(name, says, arms, f"{source}; {CITATION}")


_ALL_SIX = tuple(
    Result(f"x{scale}/{name}/psnr", f"x{scale}, {name.capitalize()}", unit="dB")
    for scale in _SCALES
    for name in _SETS
)


def _all_six(label: str, method: str = "") -> Arm:
    values = {
        f"x{scale}/{name}/psnr": pointer(name, scale, method or label)
        for scale in _SCALES
        for name in _SETS
    }
    return Arm(label, kept=_kept(values), seeded=False)


def _higher(higher: str, lower: str, results: tuple[Result, ...]) -> list[Order]:
    return [Order(higher, lower, result.name) for result in results]


_BARBARA = Result("barbara/psnr", "barbara", unit="dB")


def _on_barbara(label: str) -> Arm:
    # Set14 by name: baboon, barbara, ...
    values = {_BARBARA.name: pointer("set14", 3, label, "psnr/1")}
    return Arm(label, kept=_kept(values), seeded=False)


def _published(sides: str, training: str) -> dict[str, float]:
    figures = NETWORKS[sides, training][1]
    return {f"{n}/psnr": figures[n, 3][0] for n in _SETS if (n, 3) in figures}


_A_PLUS = 32.59

CLAIMS = (
    _as_published(
        "published_bicubic",
        "Bicubic interpolation has the published decibels.",
        _by_scale("bicubic", _SCALES, BICUBIC),
        CITATION,
    ),
    _network("published_91_images", "9-1-5", IMAGES),
    _network("published_9_1_5", "9-1-5", IMAGENET),
    _network("published_9_3_5", "9-3-5", IMAGENET),
    _network("published_9_5_5", "9-5-5", IMAGENET),
    Claim(
        "srcnn/larger_filters",
        "Larger filters in the second layer are better: 9-5-5 than 9-3-5, 9-3-5 than 9-1-5.",
        CITATION,
        tuple(_at_x3(s, published=_published(s, IMAGENET)) for s in ("9-1-5", "9-3-5", "9-5-5")),
        (SET5, SET14),
        All(
            *_higher("9-5-5", "9-3-5", (SET5, SET14)),
            *_higher("9-3-5", "9-1-5", (SET5, SET14)),
        ),
        quoted="second hand",
        protocol=f"The authors' weights, trained on ImageNet, {_AT_X3}",
        note="One network of each kind was released: whether other seeds agree is not known.",
    ),
    Claim(
        "srcnn/more_images",
        "Training on ImageNet is better than on 91 images.",
        CITATION,
        (
            _at_x3("9-1-5 (91)", published=_published("9-1-5", IMAGES)),
            _at_x3("9-1-5", published=_published("9-1-5", IMAGENET)),
        ),
        (SET5, SET14),
        All(*_higher("9-1-5", "9-1-5 (91)", (SET5, SET14))),
        quoted="second hand",
        protocol=f"The authors' weights, {_AT_X3}",
        note="9-1-5 (91) learnt from 91 images, the other 9-1-5 from ImageNet.",
    ),
    Claim(
        "srcnn/above_a_plus",
        "9-5-5 is better than A+, which has 32.59 dB on Set5 at x3.",
        CITATION,
        (_at_x3("9-5-5", published=_published("9-5-5", IMAGENET)),),
        (SET5, SET14),
        Between("9-5-5", SET5.name, low=_A_PLUS),
        quoted="second hand",
        protocol=f"The authors' weights, {_AT_X3}",
        note="A+ itself was not measured here; its figure is the paper's.",
    ),
    Claim(
        "srcnn/network_above_linear_filter",
        "Three layers are better than the best linear filter and than bicubic interpolation.",
        f"{CITATION}, for bicubic; the linear filter is a yardstick of {OURS}",
        (_all_six("bicubic"), _all_six("linear 13x13"), _all_six("9-1-5 (91)")),
        _ALL_SIX,
        All(
            *_higher("9-1-5 (91)", "linear 13x13", _ALL_SIX),
            *_higher("9-1-5 (91)", "bicubic", _ALL_SIX),
        ),
        protocol=f"The authors' weights; the filter is fitted on T91. {PROTOCOL}",
    ),
    Claim(
        "srcnn/linear_filter_above_bicubic",
        "A linear filter alone is better than bicubic interpolation, at every scale.",
        OURS,
        (_all_six("bicubic"), _all_six("linear 13x13")),
        _ALL_SIX,
        All(*_higher("linear 13x13", "bicubic", _ALL_SIX)),
        protocol=f"The filter is fitted on T91 by least squares. {PROTOCOL}",
    ),
    Claim(
        "srcnn/linear_filter_on_barbara",
        "On barbara at x3 the linear filter is better than all four of the authors' networks.",
        OURS,
        tuple(map(_on_barbara, _METHODS[3])),
        (_BARBARA,),
        All(*(Order("linear 13x13", method, _BARBARA.name) for method in _METHODS[3][2:])),
        protocol=_AT_X3,
    ),
)
