"""A data set of which only the number of classes is known."""

import numpy as np

from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.core.errors import InputError
from jaxrepro.data.source import Item, Source


class DescribedSource(Source):
    """A source without images, for work that needs the classes alone: `described:1000`.

    A task can be built and its training step compiled with it; training or evaluating on it is an
    InputError. The classes are called by their numbers.
    """

    def __init__(self, num_classes: int, *, split: str = "train", channels: int = 3):
        if num_classes < 1:
            raise InputError(f"described:{num_classes}: the number of classes must be at least 1")
        super().__init__(
            f"described:{num_classes}",
            split=split,
            channels=channels,
            class_names=tuple(str(i) for i in range(num_classes)),
        )

    @property
    def labels(self) -> np.ndarray:
        """Raises InputError: there are no images."""
        raise self._no_images()

    def read_image(self, index: int) -> np.ndarray:
        """Raises InputError: there are no images."""
        del index
        raise self._no_images()

    def identity(self) -> DataIdentity:
        """Returns the classes, which are all there is."""
        return DataIdentity(self.spec, 0, self.class_names)

    def example(self) -> Item:
        """Returns a black image of class 0: enough for the shapes that transforms make of it."""
        return {"image": np.zeros((8, 8, self.channels), np.uint8), "label": np.int32(0)}

    def _no_images(self) -> InputError:
        return InputError(
            f"{self.spec} describes a data set and has no images; name one that has, such as "
            "--config.data.source=folder:DIR"
        )
