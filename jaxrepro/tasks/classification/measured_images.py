"""The images that a command measures a trained classifier on: those of its run, or another set."""

from typing import TYPE_CHECKING

from absl import flags

from jaxrepro.core.errors import InputError

# Not when the module is imported: --help does not wait for JAX.
if TYPE_CHECKING:
    import numpy as np

    from jaxrepro.data.source import Source
    from jaxrepro.tasks.classification.images import LabelledImages
    from jaxrepro.tasks.classification.trained_classifier import TrainedClassifier


def define_source() -> None:
    """Defines --source and --num."""
    text = "Labelled images to measure on, such as digits or folder:DIR; else those of the run."
    flags.DEFINE_string("source", None, text)
    flags.DEFINE_integer("num", 2000, "At most so many images of a split.", lower_bound=2)


def images_of(args: flags.FlagValues, trained: "TrainedClassifier") -> "LabelledImages":
    """Returns the images that --source names, splits train and test, or those of the run.

    Raises InputError where there are none, and for images of other classes than the network's.
    """
    from jaxrepro.core.config import Settings
    from jaxrepro.core.run.workdir import read_config
    from jaxrepro.data.sources import open_source
    from jaxrepro.data.transforms import square_transform
    from jaxrepro.tasks.classification.images import LabelledImages

    if args.source is not None:
        train, test = (open_source(args.source, split=x, channels=3) for x in ("train", "test"))
        transform = square_transform(trained.size, channels=3)
        images = LabelledImages(train, test, trained.size, transform)
    elif trained.run is not None:
        settings = Settings(read_config(trained.run))
        with settings.understood():
            images = LabelledImages.from_settings(settings.data)
    else:
        raise InputError(f"{trained.origin} does not say its images; give --source, as digits")
    if images.test.class_names != trained.class_names:
        raise InputError(f"{images.test!r} has other classes than {trained.origin}")
    return images


def arrays_of(
    source: "Source", images: "LabelledImages", num: int
) -> "tuple[np.ndarray, np.ndarray]":
    """Returns (uint8 [N, S, S, 3], labels [N]) of a split of `images`, at most `num`, at random."""
    import numpy as np

    from jaxrepro.data.views import random_subset

    part = random_subset(source, num)
    items = [images.transform.prepare(part[i]) for i in range(len(part))]
    return np.stack([item["image"] for item in items]), np.asarray(part.labels)
