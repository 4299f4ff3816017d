"""A trained classifier, ready to use: from a run or an export, whichever paper trained it."""

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.exports.inference_function import InferenceFunction, Input
from jaxrepro.core.inference import trained
from jaxrepro.core.inference.cards import is_size
from jaxrepro.core.inference.plain_arrays import checked_picture, described
from jaxrepro.core.state import Variables
from jaxrepro.core.supervised import NET
from jaxrepro.data.transforms import square_transform
from jaxrepro.nn.classifiers.small_images import Classified
from jaxrepro.tasks.classification.images import NORMALIZATIONS, network_input
from jaxrepro.tasks.classification.networks import classifier_from_card


@dataclasses.dataclass(frozen=True)
class TrainedClassifier(trained.Trained):
    """A network with its variables and what its pictures and scores mean.

    Attributes:
      module, variables: `module.apply(variables, images, train=False)` returns `Classified`.
      class_names: by class number.
      size: of the square pictures that it sees, in pixels.
      normalization: a key of NORMALIZATIONS.
      origin: where it is from, for messages.
    """

    module: Any
    variables: Variables
    class_names: tuple[str, ...]
    size: int
    normalization: str
    origin: str

    def shapes(self) -> Any:
        """Returns the shapes of the variables."""
        x = jnp.zeros((1, self.size, self.size, 3))
        return jax.eval_shape(lambda: dict(self.module.init(jax.random.key(0), x, train=False)))

    def inference_function(self) -> InferenceFunction:
        """Returns the probability of every class, of squares at the network's size."""
        shape = f"batch, {self.size}, {self.size}, 3"

        def probabilities(variables: Variables, images: jax.Array) -> jax.Array:
            logits = _scores(self.module, self.normalization, variables, images).logits
            return jax.nn.softmax(logits.astype(jnp.float32))

        return InferenceFunction(
            probabilities,
            self.variables,
            (Input("image", shape, "uint8", 256, "RGB"),),
            "probabilities",
            "[batch, class]",
            {"batch": 1},
        )

    def classify(self, images: Any) -> np.ndarray:
        """Returns the probability of every class, float32 [N, K], of images uint8 [N, H, W, 3].

        One image [H, W, 3] gives [K]. Their middle squares are brought to the network's size, as
        in training. Raises InputError for images of another type or shape.
        """
        return np.asarray(jax.nn.softmax(self.scores(images)))

    def scores(self, images: Any) -> np.ndarray:
        """Returns the logits of every class, float32 [N, K] or [K], of images as of `classify`."""
        array = np.asarray(images)
        if array.ndim not in (3, 4) or not len(array):
            raise InputError(
                f"images is {described(array)}; it must be RGB, uint8 [number, height, width, 3]"
            )
        one = array.ndim == 3
        outputs = self.outputs(array[None] if one else array)
        found = np.asarray(outputs.logits.astype(jnp.float32))
        return found[0] if one else found

    @property
    def title(self) -> str:
        """What it is called in a figure: the kind of its last layer, or of its network."""
        return getattr(self.module.head, "kind", type(self.module).__name__)

    def gaussians(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Returns means of features, [K, D], and deviations, [K], where its classes have them."""
        return None

    def outputs(self, images: np.ndarray) -> Classified:
        """Returns features and scores of images, uint8 [N, H, W, 3], as `classify` prepares them.

        All of them pass through the network at once.
        """
        prepare = square_transform(self.size, channels=3).prepare
        squares = [prepare({"image": checked_picture(image)})["image"] for image in images]
        pixels = jnp.asarray(np.stack(squares))
        return _classified(self.module, self.normalization, self.variables, pixels)


def load_classifier(
    path: str | os.PathLike[str],
    paper: str,
    *,
    network_from_card: Callable[[Mapping[str, Any]], Any] = classifier_from_card,
    step: int | str | None = None,
    average: bool | None = None,
) -> TrainedClassifier:
    """Returns the classifier of that paper in `path`; all is as in `core.inference.trained.load`.

    network_from_card: of the card's "network"; plain networks by default.
    """
    build = functools.partial(classifier_of_card, network_from_card=network_from_card)
    return trained.load(path, paper, NET, build, (), step, average)


def classifier_of_card(
    card: Mapping[str, Any],
    origin: str,
    network_from_card: Callable[[Mapping[str, Any]], Any] = classifier_from_card,
) -> TrainedClassifier:
    """Returns what the model card of a classifier says, without variables; it may be of any file.

    Raises InputError if there is no such network.
    """
    described_network = card.get("network")
    names = card.get("class_names")
    if not isinstance(described_network, Mapping) or not isinstance(names, list):
        raise InputError(f"{origin} is no classifier; give one that was trained on labelled images")
    module = network_from_card(described_network)
    if len(names) != module.num_classes:
        raise InputError(
            f"{origin}: its model card names {len(names)} classes for a network of "
            f"{module.num_classes}"
        )
    size = card.get("size")
    if not isinstance(size, int) or not is_size(size, least=8):
        raise InputError(f"{origin}: its model card has size={size!r}; it must be 8 or more")
    known = {_as_lists(value): name for name, value in NORMALIZATIONS.items()}
    normalization = known.get(_as_lists(card.get("normalization")))
    if normalization is None:
        raise InputError(
            f"{origin}: its model card has normalization={card.get('normalization')!r}; known are "
            f"those of {', '.join(NORMALIZATIONS)}"
        )
    return TrainedClassifier(module, {}, tuple(map(str, names)), size, normalization, origin)


def _as_lists(value: Any) -> str:
    return str(value).replace("(", "[").replace(")", "]")


def _scores(module: Any, normalization: str, variables: Variables, images: jax.Array) -> Classified:
    # What a network draws, such as the windows of fractional pooling, is as in its measurement.
    rngs = {"pooling": jax.random.key(0)}
    x = network_input(images, normalization, "float32")
    outputs: Any = module.apply(variables, x, train=False, rngs=rngs)
    return outputs


# Pictures come from a command or from Python, outside loop and evaluators.
_classified = jax.jit(_scores, static_argnums=(0, 1))
