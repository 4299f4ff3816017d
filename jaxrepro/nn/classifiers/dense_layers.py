"""Dense layers on the pixels of small images."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.classifiers.small_images import Classified, MakeHead


class DenseLayers(nn.Module):
    """Dense layers of `widths`, each behind a leaky ReLU, and one of `features` without.

    slope: of the leaky ReLU for negative numbers. features: 0 for none; then the features are the
    last hidden ones. head: the last layer.
    """

    widths: tuple[int, ...] = (128, 128)
    features: int = 0
    slope: float = 0.25
    num_classes: int = 10
    head: MakeHead = nn.Dense

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool) -> Classified:
        """Returns features and float32 logits [B, num_classes]; images: [B, H, W, C]."""
        del train
        start = nn.initializers.he_normal()
        x = images.reshape(len(images), -1).astype(jnp.float32)
        for number, width in enumerate(self.widths):
            x = nn.Dense(width, kernel_init=start, name=f"layer_{number}")(x)
            x = nn.leaky_relu(x, self.slope)
        if self.features:
            x = nn.Dense(self.features, kernel_init=start, name="features")(x)
        return Classified(x, self.head(self.num_classes, name="logits")(x))
