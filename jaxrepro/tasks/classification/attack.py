"""The verb `attack` of a classifier's paper: one step along the gradient, and what sees it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from absl import flags

from jaxrepro.core.errors import InputError
from jaxrepro.core.inference import network_flags
from jaxrepro.tasks.classification import measured_images

if TYPE_CHECKING:
    from jaxrepro.tasks.classification.trained_classifier import TrainedClassifier


def define_flags() -> None:
    """Defines the command's flags."""
    network_flags.define_network()
    measured_images.define_source()
    flags.DEFINE_list("eps", ["0.15"], "Strengths of the attack, of the whole range of pixels.")


def main(args: flags.FlagValues, load: "Callable[..., TrainedClassifier]") -> None:
    """Prints the table. load: reads the paper's networks."""
    network = network_flags.given_network(args, "runs/both")
    try:
        strengths = [float(eps) for eps in args.eps]
    except ValueError as error:
        raise InputError(f"--eps={','.join(args.eps)}: {error}; give numbers, as 0.15") from error

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core.reports.tables import aligned
    from jaxrepro.tasks.classification.features import detected_attacks

    trained = load(**network)
    images = measured_images.images_of(args, trained)
    train = measured_images.arrays_of(images.train, images, args.num)
    test = measured_images.arrays_of(images.test, images, args.num)
    found = [detected_attacks(trained, train, test, eps=eps) for eps in strengths]
    head = ["eps", *(name.replace("_", " ") for name in found[0])]
    rows = [[f"{eps:g}", *(f"{x:.3f}" for x in f.values())] for eps, f in zip(strengths, found)]
    print(f"{trained.origin}: {len(test[0])} test images of {images.test.spec}")
    print(aligned(head, rows))
