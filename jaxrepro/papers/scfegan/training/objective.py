"""What the generator and the discriminator minimise: every term by name, with the paper's weights.

Terms are reported as they enter the total, weight included, so that they can be compared.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Self

import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.core.config import Settings
from jaxrepro.losses.feature_distance import perceptual_distance, style_distance
from jaxrepro.losses.gradient_penalty import gradient_norms, gradient_penalty, mix
from jaxrepro.losses.patch_adversarial import DISCRIMINATOR_LOSSES, DRIFT_FORMS, generator_loss
from jaxrepro.losses.pixel_error import hole_weighted_error
from jaxrepro.losses.total_variation import REGIONS, total_variation

Terms = Mapping[str, jax.Array]
# From images [B, H, W, 3], RGB in [-1, 1], to maps at several depths.
MapsOf = Callable[[jax.Array], tuple[jax.Array, ...]]

EPSILON_NETWORKS = ("d", "g")


@dataclasses.dataclass(frozen=True)
class Objective:
    """Weights and forms of all terms; the defaults are the paper's where it gives them.

    Attributes:
      hole_weight: of erased pixels in the pixel term, alpha; the paper gives no number. 6 is that
        of Liu et al. (ECCV 2018), whose other weights the paper has.
      perceptual: sigma. style: gamma, for the raw and for the composed image each. 0 leaves a term
        out, and with both 0 no feature network runs.
      percept_scale, style_scale: factors beside these two, since the paper's numbers belong to one
        feature network's scale: see `calibration`.
      total_variation: upsilon. region: one of `total_variation.REGIONS`.
      adversarial: beta. form: a key of `patch_adversarial.DISCRIMINATOR_LOSSES`.
      gradient_penalty: theta; 0 leaves it out.
      epsilon: of the square of the true images' scores. epsilon_form: a key of
        `patch_adversarial.DRIFT_FORMS`. epsilon_in: "d", or "g" where the paper prints it, without
        any effect on training there: the scores do not depend on the generator.
    """

    hole_weight: float = 6.0
    perceptual: float = 0.05
    style: float = 120.0
    percept_scale: float = 1.0
    style_scale: float = 1.0
    total_variation: float = 0.1
    region: str = "dilated1"
    adversarial: float = 0.001
    form: str = "linear"
    gradient_penalty: float = 10.0
    epsilon: float = 0.001
    epsilon_form: str = "mean_of_square"
    epsilon_in: str = "d"

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The objective of a config's section with these names; InputError for a bad value."""
        choices = {
            "region": REGIONS,
            "form": tuple(DISCRIMINATOR_LOSSES),
            "epsilon_form": tuple(DRIFT_FORMS),
            "epsilon_in": EPSILON_NETWORKS,
        }
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            if field.name in choices:
                values[field.name] = settings.one_of(field.name, choices[field.name])
            else:
                values[field.name] = float(settings.at_least(field.name, 0))
        return cls(**values)

    @property
    def uses_features(self) -> bool:
        """Whether a term needs a feature network."""
        return bool(self.perceptual * self.percept_scale or self.style * self.style_scale)


def reconstruction_terms(
    objective: Objective,
    raw: jax.Array,
    composed: jax.Array,
    truth: jax.Array,
    hole: jax.Array,
    maps_of: MapsOf,
) -> dict[str, jax.Array]:
    """Returns the terms that need no discriminator, float32 [] each, weights included.

    raw: the generator's images [B, H, W, 3] in [-1, 1]; composed: the same in the hole and the
    truth elsewhere. hole: [B, H, W, 1] of 0 and 1. Means over the batch. "perceptual" is of raw
    and composed images together; "style_raw" and "style_composed" of each. Terms of weight 0 are
    absent. maps_of: the feature network; its gradient is taken of raw and composed images only.
    """
    terms = {"pixel": hole_weighted_error(raw, truth, hole, objective.hole_weight).mean()}
    if objective.uses_features:
        terms |= _feature_terms(objective, raw, composed, truth, maps_of)
    if objective.total_variation:
        variation = total_variation(composed, hole, objective.region).mean()
        terms["total_variation"] = objective.total_variation * variation
    return terms


def _feature_terms(
    objective: Objective, raw: jax.Array, composed: jax.Array, truth: jax.Array, maps_of: MapsOf
) -> dict[str, jax.Array]:
    # The truth goes through alone: in one batch with the others its part of the backward pass,
    # a third of it, would be computed and thrown away.
    wanted = maps_of(lax.stop_gradient(truth))
    # Interleaved, so that a batch that is split over devices stays where it is.
    pairs = jnp.stack([raw, composed], axis=1).reshape(2 * len(raw), *raw.shape[1:])
    both = maps_of(pairs)
    of_raw, of_composed = ([maps[i::2] for maps in both] for i in (0, 1))
    terms = {}
    if weight := objective.perceptual * objective.percept_scale:
        distances = (perceptual_distance(maps, wanted).mean() for maps in (of_raw, of_composed))
        terms["perceptual"] = weight * sum(distances)
    if weight := objective.style * objective.style_scale:
        terms["style_raw"] = weight * style_distance(of_raw, wanted).mean()
        terms["style_composed"] = weight * style_distance(of_composed, wanted).mean()
    return terms


def adversarial_terms(
    objective: Objective, fake: jax.Array, real: jax.Array | None = None
) -> dict[str, jax.Array]:
    """Returns the generator's terms of the discriminator's scores, weights included.

    fake: scores of composed images [B, ...]. real: of true images, needed where the epsilon term is
    with the generator.
    """
    terms = {"adversarial": objective.adversarial * generator_loss(fake)}
    if objective.epsilon and objective.epsilon_in == "g":
        if real is None:
            raise ValueError("the epsilon term of the generator needs the scores of true images")
        terms["epsilon"] = objective.epsilon * DRIFT_FORMS[objective.epsilon_form](real)
    return terms


def discriminator_terms(
    objective: Objective,
    real: jax.Array,
    fake: jax.Array,
    norms: jax.Array | None,
    hole: jax.Array,
) -> dict[str, jax.Array]:
    """Returns the discriminator's terms, float32 [] each, weights included.

    real, fake: scores [B, ...] of true and of composed images. norms: of `penalty_norms`, [B]; None
    where the gradient penalty has weight 0. hole: [B, H, W, 1].
    """
    terms = {"adversarial": DISCRIMINATOR_LOSSES[objective.form](real, fake)}
    if objective.gradient_penalty:
        if norms is None:
            raise ValueError("the gradient penalty needs the norms of gradients")
        terms["gradient_penalty"] = objective.gradient_penalty * gradient_penalty(norms, hole)
    if objective.epsilon and objective.epsilon_in == "d":
        terms["epsilon"] = objective.epsilon * DRIFT_FORMS[objective.epsilon_form](real)
    return terms


def penalty_norms(
    scores_of: Callable[[jax.Array], jax.Array],
    truth: jax.Array,
    composed: jax.Array,
    hole: jax.Array,
    key: jax.Array,
) -> jax.Array:
    """Returns the gradients' lengths in the hole at a point between each pair of images, [B].

    scores_of: the discriminator as a function of images alone: sketch, colour and mask stay.
    """
    return gradient_norms(scores_of, mix(truth, composed, key), hole)


def total(terms: Terms) -> jax.Array:
    """Returns the sum of the terms, float32 []."""
    return sum(terms.values(), start=jnp.zeros((), jnp.float32))
