"""A feature network that one can compute by hand."""

import jax.numpy as jnp
import numpy as np

from jaxrepro.metrics.features.feature_network import Features


class LinearNetwork:
    """Features are fixed linear functions of an 8x8 average of the pixels."""

    name = "linear-test-00000000"
    num_features = 3
    num_classes = 4

    def __init__(self):
        rng = np.random.default_rng(0)
        self.variables = {
            "features": rng.normal(size=(64, 3)).astype(np.float32),
            "logits": rng.normal(size=(64, 4)).astype(np.float32),
        }

    def apply(self, variables, images):
        side = images.shape[1] // 8
        x = images.mean(axis=-1).reshape(len(images), 8, side, 8, side).mean(axis=(2, 4))
        x = x.reshape(len(images), 64) / 255
        product = lambda y: jnp.matmul(x, y, precision="highest")  # noqa: E731
        return Features(product(variables["features"]), product(variables["logits"]))

    def by_hand(self, images):
        """Returns (features, logits) in float64."""
        images = np.asarray(images, np.float64).mean(axis=-1)
        side = images.shape[1] // 8
        x = images.reshape(-1, 8, side, 8, side).mean(axis=(2, 4)).reshape(-1, 64) / 255
        return x @ self.variables["features"], x @ self.variables["logits"]
