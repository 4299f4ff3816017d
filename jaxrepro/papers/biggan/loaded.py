"""A trained generator in Python: what `jaxrepro.load` returns for BigGAN."""

import os
from collections.abc import Sequence

import numpy as np

from jaxrepro.core.config import checked_seed
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.plain_arrays import checked_number
from jaxrepro.papers.biggan.sampling.class_choice import parse_class
from jaxrepro.papers.biggan.sampling.sampler import BATCH_SIZE, Sampler
from jaxrepro.papers.biggan.trained import is_file_of_arrays, load_generator

PUBLISHED = "a file of published BigGAN weights"
# A class: its number, its name, or a part of its name that no other class has.
Class = int | str


def fits(path: str | os.PathLike[str]) -> bool:
    """Whether a path looks like a file of published weights."""
    return is_file_of_arrays(path)


def load(
    path: str | os.PathLike[str], *, step: int | str | None = None, average: bool | None = None
) -> "ImageGenerator":
    """Returns the generator in `path`; all is as in `trained.load_generator`."""
    return ImageGenerator(load_generator(path, step=step, average=average))


class ImageGenerator:
    """Draws images of classes.

    Attributes: class_names, by class number; origin, where the network is from; trained, the
    network with its variables.
    """

    def __init__(self, trained):
        """trained: as `trained.load_generator` returns it."""
        self.trained = trained
        self.origin: str = trained.origin
        self.class_names: tuple[str, ...] = trained.class_names
        self._samplers: dict[int, Sampler] = {}

    def sample(
        self,
        classes: Class | Sequence[Class] | None = None,
        num: int = 1,
        seed: int = 0,
        truncation: float | None = None,
        *,
        mode: str | None = None,
        start: int = 0,
        batch_size: int = BATCH_SIZE,
    ) -> np.ndarray:
        """Returns images number start, ..., start + num - 1 of a seed, uint8 [num, H, W, C].

        classes: they are taken in turn, see `labels`; all by default. truncation: threshold of the
        truncation of z, none by default, and mode what it means, a key of `truncation.MODES`: the
        paper's "resample" by default. batch_size: images that a device makes at once; it is filled
        up, so take a small one for few large images. Image i is a function of the seed, i, its
        class and the truncation alone; with the same arguments the command `sample` draws the same.

        Raises InputError for classes that there are not, and numbers out of their range.
        """
        num = checked_number(num, "num", least=1)
        start = checked_number(start, "start")
        batch_size = checked_number(batch_size, "batch_size", least=1)
        if truncation is not None and not isinstance(truncation, int | float):
            raise InputError(f"truncation is {truncation!r}; it must be a number greater than 0")
        mode = mode or ("none" if truncation is None else "resample")
        variables, _ = self.trained.variables_at(mode, truncation)
        if batch_size not in self._samplers:
            self._samplers[batch_size] = Sampler(self.trained, batch_size)
        return self._samplers[batch_size].draw(
            self.labels(classes, num, start=start),
            checked_seed(seed),
            start=start,
            mode=mode,
            threshold=truncation,
            variables=variables,
        )

    def labels(
        self, classes: Class | Sequence[Class] | None = None, num: int = 1, *, start: int = 0
    ) -> np.ndarray:
        """Returns the class numbers int32 [num] of what `sample` draws.

        classes: numbers or names, one or several; given twice it counts once. Raises InputError for
        one that does not exist, or a part of a name that could be several.
        """
        given = [classes] if isinstance(classes, int | str) else classes
        if given is None:
            chosen = list(range(len(self.class_names)))
        else:
            chosen = list(dict.fromkeys(self._class_number(one) for one in given))
        if not chosen:
            raise InputError("classes is empty; give one or more, or None for all")
        return np.asarray([chosen[i % len(chosen)] for i in range(start, start + num)], np.int32)

    def _class_number(self, given: Class) -> int:
        if isinstance(given, str):
            return parse_class(given, self.class_names)
        return checked_number(given, "a class", below=len(self.class_names))
