"""Which feature network the perceptual and style terms are taken with."""

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.nn.vgg16 import WIDTH
from jaxrepro.nn.vgg16_features import DTYPES, VggFeatures, published_features, random_features

# Of a config's section, with the defaults: no weights are part of the project.
DEFAULTS = {"weights": "", "preprocessing": "", "seed": 0, "width": WIDTH, "dtype": "float32"}


def features_from_settings(settings: Settings) -> VggFeatures:
    """Returns the network of a config's section with the keys of `DEFAULTS`.

    weights: the path of a local file, see `vgg16_features.published_features`, with its
    preprocessing; "" for random weights of `seed` and `width`. On a CPU the width decides what an
    update costs: a quarter of it is about a sixteenth of the work. `VggFeatures.name` goes into
    logs, pages and tables.

    Raises:
      InputError: the file cannot be used, or a key is set that has no effect on such a network.
    """
    weights, preprocessing = settings.weights, settings.preprocessing
    seed, width = settings.at_least("seed", 0), settings.at_least("width", 1)
    dtype = settings.one_of("dtype", DTYPES)
    if not weights:
        if preprocessing:
            raise InputError(
                f"preprocessing {preprocessing!r} given without a file of weights; give both, or "
                "'' for random weights"
            )
        return random_features(seed, width, dtype)
    if width != WIDTH:
        raise InputError(f"width {width} given with published weights, whose width is {WIDTH}")
    return published_features(weights, preprocessing, dtype)
