"""The last layers that are compared: of L-GM, its parts, softmax and the centre loss."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.nn.centred_scores import CentredScores
from jaxrepro.nn.gaussian_mixture_head import COVARIANCES, GaussianMixtureHead, MixtureScores
from jaxrepro.tasks.classification import networks

# "distance" is the form alone; "margin" and "likelihood" have one part each, "both" is L-GM.
KINDS = ("softmax", "distance", "margin", "likelihood", "both", "center")


@dataclasses.dataclass(frozen=True)
class Head:
    """A `small_images.MakeHead`. kind: of KINDS; covariance: of a mixture's, of COVARIANCES."""

    kind: str = "both"
    covariance: str = "identity"

    @property
    def is_mixture(self) -> bool:
        """Whether its scores are log-likelihoods."""
        return self.kind not in ("softmax", "center")

    def __call__(self, features: int, *, name: str) -> nn.Module:
        """Returns the layer."""
        if self.is_mixture:
            return MixtureScores(features, self.covariance, name=name)
        return (CentredScores if self.kind == "center" else nn.Dense)(features, name=name)

    def gaussians(self, num_classes: int) -> GaussianMixtureHead:
        """Returns the layer with the same parameters that returns distances and determinants."""
        return GaussianMixtureHead(num_classes, self.covariance)


def make_network(model: Settings, head: Settings, *, num_classes: int) -> Any:
    """Returns the network of the sections `model` and `head`; InputError as `make_classifier`."""
    last = Head(head.one_of("kind", KINDS), head.one_of("covariance", COVARIANCES))
    return networks.make_classifier(model, num_classes=num_classes).clone(head=last)


def network_card(module: Any) -> Mapping[str, Any]:
    """Returns, as JSON, what `network_from_card` makes the same network of."""
    return {**networks.classifier_card(module), "head": dataclasses.asdict(module.head)}


def network_from_card(card: Mapping[str, Any]) -> Any:
    """Returns the network that `network_card` described; raises InputError if there is none."""
    fields = dict(card["head"]) if isinstance(card.get("head"), Mapping) else {}
    last = Head(fields.get("kind", ""), fields.get("covariance", ""))
    if last.kind not in KINDS or last.covariance not in COVARIANCES:
        raise InputError(f"the model card's network has head={card.get('head')!r}")
    return networks.classifier_from_card(card).clone(head=last)
