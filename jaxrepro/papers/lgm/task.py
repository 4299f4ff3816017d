"""Classifiers trained by the large-margin Gaussian mixture loss, its parts and its rivals."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxrepro.core.config import Settings
from jaxrepro.core.state import Params
from jaxrepro.core.task import Batch, Evaluator, PublishedFigure, References, Scalars
from jaxrepro.losses.large_margin_gaussian_mixture import (
    LIKELIHOODS,
    large_margin_gaussian_mixture,
    ramped,
    squared_distances,
)
from jaxrepro.nn.classifiers.small_images import Classified
from jaxrepro.papers.lgm.heads import make_network, network_card
from jaxrepro.tasks.classification import features
from jaxrepro.tasks.classification.error import described_results
from jaxrepro.tasks.classification.task import Classification

PUBLISHED = {  # Errors in percent, by training images, network, features or depth, and head.
    (60_000, "paired_convolutions", 2, "softmax"): 0.98,
    (60_000, "paired_convolutions", 2, "both"): 0.71,
    (60_000, "paired_convolutions", 100, "both"): 0.30,
    (50_000, "resnet", 20, "both"): 7.20,
}
_QUOTED = (
    "MNIST or CIFAR-10, the best epoch on the test images",
    "README of jschenthu/GM-Loss 6941fed",
)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class MixtureClassification(Classification):
    """Classification with a `Head`. alpha to ramp_steps: the section `loss`; eps: of the attack."""

    alpha: float
    weight: float
    likelihood: str
    ramp_steps: int
    eps: float

    def loss(
        self, params: Params, outputs: Classified, batch: Batch, step: jax.Array
    ) -> tuple[jax.Array, Scalars]:
        """Returns the head's loss, and its parts and two numbers that show a bad scale at once."""
        value, logs = super().loss(params, outputs, batch, step)
        kind, last = self.module.head.kind, params["logits"]
        if kind == "softmax":
            return value, logs
        alpha, weight = ramped(step, self.ramp_steps, alpha=self.alpha, weight=self.weight)
        # Without variances; what the network has computed before is not computed twice.
        plain = squared_distances(outputs.features, last["means"])
        own = jnp.take_along_axis(plain, batch["label"][:, None], axis=1)
        if kind == "center":
            value += (likelihood := weight * own.mean() / 2)
        else:
            gaussians: Any = self.module.head.gaussians(len(last["means"]))
            squared, log_determinants = gaussians.apply({"params": last}, outputs.features)
            value, entropy, likelihood = large_margin_gaussian_mixture(
                squared,
                batch["label"],
                alpha=alpha if kind in ("margin", "both") else 0.0,
                weight=weight if kind in ("likelihood", "both") else 0.0,
                likelihood=self.likelihood,
                log_determinants=log_determinants,
                unscaled=plain,
            )
            logs = {**logs, "loss/cross_entropy": entropy}
        between = squared_distances(last["means"], last["means"])
        between = jnp.where(jnp.eye(len(between), dtype=bool), jnp.inf, between)
        scales = {"own_squared": jnp.median(own), "of_two_means": jnp.sqrt(between.min())}
        logs = {**logs, **{f"distance/{name}": scale for name, scale in scales.items()}}
        return value, {**logs, "loss/likelihood": likelihood}

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns those of all classifiers, how tight classes are and, at the end, the attack."""
        more = features.feature_evaluators(self, self.eps, densities=self.module.head.is_mixture)
        return {**super().evaluators(), **more}

    def references(self) -> References:
        """Returns the published figure of this setting, and what the results mean."""
        card, rows = self.network, ()
        size, num = card.get("features", card.get("depth")), len(self.images.train)
        found = PUBLISHED.get((num, card["name"], size, self.module.head.kind))
        if found is not None and len(self.images.test) == 10_000:
            rows = (PublishedFigure("test/top1_error", found, *_QUOTED),)
        return described_results(rows, meanings=features.MEANINGS, better=features.BETTER)


def from_settings(settings: Settings) -> MixtureClassification:
    """Returns the Task of `configs/lgm.py`; raises InputError where the settings do not fit."""
    loss = settings.loss
    task = MixtureClassification.from_settings(
        settings,
        paper="lgm",
        make_network=functools.partial(make_network, head=settings.head),
        network_card=network_card,
        alpha=loss.at_least("alpha", 0),
        weight=loss.at_least("weight", 0),
        likelihood=loss.one_of("likelihood", LIKELIHOODS),
        ramp_steps=loss.at_least("ramp_steps", 0),
        eps=settings.eval.at_least("eps", 0),
    )
    rate = float(settings.head.at_least("means_rate", 0))
    rules = () if rate == 1 or task.module.head.kind == "softmax" else (("logits/means$", rate),)
    return dataclasses.replace(task, optim=dataclasses.replace(task.optim, multipliers=rules))
