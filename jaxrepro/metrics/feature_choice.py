"""Which feature network measures a run: a file of Inception weights, or the data's classifier."""

from jaxrepro.data.source import Source
from jaxrepro.data.transforms import Transform
from jaxrepro.metrics.classifier.cache import classifier_network
from jaxrepro.metrics.features.feature_network import FeatureNetwork
from jaxrepro.metrics.features.inception_weights import load_inception


def feature_network(
    path: str, source: Source, transform: Transform, resolution: int
) -> FeatureNetwork:
    """Returns the Inception network in the file `path`, or for "" the classifier of `source`.

    The classifier is trained now if the cache has none: minutes on two CPU cores. Raises
    InputError if the file cannot be used, or no classifier can be trained on the data.
    """
    if path:
        return load_inception(path)
    return classifier_network(source, transform, resolution)
