"""How large the terms of the generator are, and scales that make feature terms as large as pixels'.

The paper's weights of the perceptual and the style term belong to the scale of one feature network.
With another network, or a random one, the same numbers mean something else: Gram matrices grow with
the square of the features.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.training.objective import Objective


def term_magnitudes(updates: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Returns the mean absolute value of each term over updates, in float64.

    updates: the terms of some updates, as `objective` reports them; all of the same names.

    Raises:
      InputError: there is no update, names differ, or a value is not finite.
    """
    rows = [dict(update) for update in updates]
    if not rows:
        raise InputError("no updates given; the size of terms is measured on one or more")
    if any(row.keys() != rows[0].keys() for row in rows):
        raise InputError("the updates have different terms; take updates of one run")
    means = {name: float(np.mean([abs(float(row[name])) for row in rows])) for name in rows[0]}
    if bad := sorted(name for name, mean in means.items() if not np.isfinite(mean)):
        raise InputError(f"terms are not finite: {', '.join(bad)}; take updates before they broke")
    return means


def suggested_scales(objective: Objective, magnitudes: Mapping[str, float]) -> dict[str, float]:
    """Returns "percept_scale" and "style_scale" that make each term as large as the pixel term.

    The two style terms count together. magnitudes: of `term_magnitudes` under `objective`; a scale
    whose term is absent is not in the result.

    Raises:
      InputError: the pixel term or a feature term is 0, so that no ratio exists.
    """
    parts = {
        "percept_scale": ("perceptual",),
        "style_scale": ("style_raw", "style_composed"),
    }
    scales = {}
    for scale, names in parts.items():
        present = [magnitudes[name] for name in names if name in magnitudes]
        if not present:
            continue
        if not sum(present) or not magnitudes.get("pixel"):
            raise InputError(
                f"pixel term {magnitudes.get('pixel')}, {' + '.join(names)} {sum(present)}: a "
                "scale cannot be found where one is 0"
            )
        scales[scale] = getattr(objective, scale) * magnitudes["pixel"] / sum(present)
    return scales


def magnitude_table(magnitudes: Mapping[str, float], features: str) -> str:
    """Returns the terms' sizes and shares of their sum as lines of text, largest first.

    features: the name of the feature network, without which the numbers mean nothing.
    """
    whole = sum(magnitudes.values())
    lines = [f"terms of the generator, features={features}"]
    for name, size in sorted(magnitudes.items(), key=lambda item: -item[1]):
        share = size / whole if whole else 0.0
        lines.append(f"  {name:16} {size:11.5g} {share:7.1%}")
    return "\n".join(lines)
