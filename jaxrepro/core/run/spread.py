"""Names of what several seeds measured together: the mean, the spread and each seed's value.

The mean of "test/psnr@set5" has the plain name, the standard deviation "test/psnr/std@set5" and the
value of seed 7 "test/psnr/seed7@set5": what follows "@" says how a number was measured and stays
last.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # Names alone do without JAX.
    from jaxrepro.core.task import Image

STD = "std"
_PART = re.compile(r"(.+)/(std|seed\d+)")


def part_name(name: str, part: str) -> str:
    """Returns the name of a part of `name`: ("fid@50", "std") is "fid/std@50"."""
    head, at, protocol = name.partition("@")
    return f"{head}/{part}{at}{protocol}"


def seed_part(seed: int) -> str:
    """Returns the part that is the value of one seed: "seed7"."""
    return f"seed{seed}"


def parts_by_name(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Returns, for each name that is not a part, its parts: {"psnr": {"std": "psnr/std", ...}}.

    In the order given. A name counts as a part only where the plain name and that of a seed are
    there as well.
    """
    known = dict.fromkeys(names)
    parts: dict[str, dict[str, str]] = {name: {} for name in known}
    for name in known:
        head, at, protocol = name.partition("@")
        if (match := _PART.fullmatch(head)) and (plain := f"{match[1]}{at}{protocol}") in known:
            parts[plain][match[2]] = name
    of_seeds = {name: found for name, found in parts.items() if set(found) - {STD}}
    folded = {name for found in of_seeds.values() for name in found.values()}
    return {name: of_seeds.get(name, {}) for name in known if name not in folded}


def over_seeds(
    results: Mapping[int, "Mapping[str, float | Image]"],
) -> "dict[str, float | Image]":
    """Returns one evaluator's results of each seed as one.

    results: by seed, two or more. A number becomes its mean over the seeds, its sample standard
    deviation (divisor k - 1) and each seed's value; a picture is that of the first seed. A number
    that not every seed has is left as the single values: a mean over some would mislead.
    """
    from jaxrepro.core.task import Image

    first = next(iter(results.values()))
    names = dict.fromkeys(name for one in results.values() for name in one)
    together: dict[str, float | Image] = {}
    for name in names:
        if isinstance(first.get(name), Image):
            together[name] = first[name]
            continue
        numbers = {
            seed: float(value)
            for seed, one in results.items()
            if not isinstance(value := one.get(name), Image | None)
        }
        if len(numbers) == len(results):
            values = np.asarray(list(numbers.values()), np.float64)
            with np.errstate(invalid="ignore"):  # The spread of an infinity is NaN.
                together[name] = float(values.mean())
                together[part_name(name, STD)] = float(values.std(ddof=1))
        together |= {part_name(name, seed_part(seed)): x for seed, x in numbers.items()}
    return together
