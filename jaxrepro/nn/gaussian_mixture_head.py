"""A last layer of one Gaussian a class, for the large-margin Gaussian mixture loss."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.losses.large_margin_gaussian_mixture import log_likelihood, squared_distances

COVARIANCES = ("identity", "isotropic", "diagonal")
# Added to variances of one number a class, as in the authors' first code.
_LEAST_VARIANCE = 1e-4


class GaussianMixtureHead(nn.Module):
    """Squared distances of features to the means of `num_classes` Gaussians.

    covariance: "identity"; "isotropic", a variance a class, whose determinant is left out as in the
    authors' first code, so that the cross entropy alone trains it; "diagonal", the paper's.
    Parameters: "means" [K, D], and "log_variances", [K] or [K, D], which start at 0.
    """

    num_classes: int
    covariance: str = "identity"

    @nn.compact
    def __call__(self, features: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        """Returns (squared distances, float32 [B, K]; log-determinants, [K] or None).

        features: [B, D].
        """
        shape = (self.num_classes, features.shape[1])
        # The later code's start: Kaiming's with the slope sqrt(2).
        start = nn.initializers.variance_scaling(2 / 3, "fan_in", "normal", in_axis=1, out_axis=0)
        means = self.param("means", start, shape)
        features = features.astype(jnp.float32)
        if self.covariance == "identity":
            return squared_distances(features, means), None
        shape = shape if self.covariance == "diagonal" else shape[:1]
        log_variances = self.param("log_variances", nn.initializers.zeros, shape)
        if self.covariance == "isotropic":
            variances = jnp.exp(log_variances) + _LEAST_VARIANCE
            return squared_distances(features, means, variances), None
        squared = squared_distances(features, means, jnp.exp(log_variances))
        return squared, log_variances.sum(axis=1)


class MixtureScores(GaussianMixtureHead):
    """The same layer as the last one of a classifier: it returns each class's log-likelihood."""

    def __call__(self, features: jax.Array) -> jax.Array:
        """Returns scores, float32 [B, K], of features [B, D]."""
        return log_likelihood(*super().__call__(features))
