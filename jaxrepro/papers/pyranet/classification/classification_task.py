"""The paper's classifiers of small images as a Task."""

from jaxrepro.core.config import Settings
from jaxrepro.core.task import References
from jaxrepro.papers.pyranet.classification import classification_published
from jaxrepro.papers.pyranet.classification.classifiers import classifier_card, make_classifier
from jaxrepro.tasks.classification.task import Classification


class PyramidClassification(Classification):
    """Training of a classifier by cross entropy, plain or with pyramids."""

    @property
    def draws(self) -> tuple[str, ...]:
        """The windows of fractional pooling."""
        return ("pooling",)

    def references(self) -> References:
        """Returns the published figures for this network, and what the results mean."""
        return classification_published.references(self.network, self.images)


def classification_from_settings(settings: Settings) -> PyramidClassification:
    """Returns the Task that a config describes; raises InputError where it does not fit."""
    return PyramidClassification.from_settings(
        settings, paper="pyranet", make_network=make_classifier, network_card=classifier_card
    )
