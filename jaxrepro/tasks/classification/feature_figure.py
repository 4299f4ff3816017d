"""The verb `features` of a classifier's paper: features of test images, networks side by side."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference import network_flags
from jaxrepro.tasks.classification import measured_images

if TYPE_CHECKING:
    import numpy as np

    from jaxrepro.draw.feature_plot import FeaturePanel
    from jaxrepro.tasks.classification.trained_classifier import TrainedClassifier


def define_flags() -> None:
    """Defines the command's flags."""
    network_flags.define_network(several=True)
    measured_images.define_source()
    flags.DEFINE_string("output", None, "FILE.png: the figure.")


def main(args: flags.FlagValues, load: "Callable[..., TrainedClassifier]") -> None:
    """Writes the figure. load: reads the paper's networks."""
    if not (networks := network_flags.given_networks(args)):
        raise InputError("give trained networks, such as --model=runs/softmax,runs/both")
    if not args.output or not args.output.endswith(".png"):
        raise InputError("name the figure, such as --output=features.png")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core.files.whole_files import write_atomically
    from jaxrepro.draw.feature_plot import feature_plot

    loaded = [load(**network) for network in networks]
    names = loaded[0].class_names
    if other := [one.origin for one in loaded if one.class_names != names]:
        raise InputError(f"{other[0]} has other classes than {loaded[0].origin}")
    panels = []
    for one in loaded:
        images = measured_images.images_of(args, one)
        panels.append(panel(one, *measured_images.arrays_of(images.test, images, args.num)))
        print(f"{one.origin}: {panels[-1].title}")
    write_atomically(cli.given_path(args.output), feature_plot(panels, names))
    print(f"written: {args.output}")


def panel(
    trained: "TrainedClassifier", images: "np.ndarray", labels: "np.ndarray"
) -> "FeaturePanel":
    """Returns what is drawn of images uint8 [N, H, W, 3] of every class.

    Centres and deviations are those of the network's Gaussians, or else those of the features.
    """
    import numpy as np

    from jaxrepro.draw.feature_plot import FeaturePanel
    from jaxrepro.metrics.feature_density import variance_ratio

    features, logits = (np.asarray(x) for x in trained.outputs(images))
    if (known := trained.gaussians()) is None:
        of_class = [features[labels == k] for k in range(len(trained.class_names))]
        centres = np.stack([x.mean(axis=0) for x in of_class])
        known = centres, np.array([np.sqrt(x.var(axis=0).mean()) for x in of_class])
    error, ratio = 100 * (logits.argmax(axis=1) != labels).mean(), variance_ratio(features, labels)
    title = f"{trained.title}: error {error:.1f} %, variance between over within {ratio:.1f}"
    return FeaturePanel(title, features, labels, *known)
