"""Three pairs of 5x5 convolutions for digits: the network of the centre loss and of GM-Loss."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.classifiers.small_images import Classified, MakeHead
from jaxrepro.nn.forms.biased_convolution import BiasedConvolution


class PairedConvolutions(nn.Module):
    """Two convolutions for each of `widths`, the maps halved after them; then a dense layer.

    Behind every convolution is a PReLU of one slope, 0.25 at first; the dense layer has none.
    features: of the dense layer; 0 for none, then they are the flattened maps, of 28 pixels 3 x 3.
    Convolutions start as Torch's. head: the last layer. Maps have the dtype of the images.
    """

    widths: tuple[int, ...] = (32, 64, 128)
    features: int = 2
    num_classes: int = 10
    head: MakeHead = nn.Dense

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool) -> Classified:
        """Returns features and float32 logits [B, num_classes]; images: [B, H, W, C]."""
        del train
        chex.assert_rank(images, 4)
        x = images
        for number, width in enumerate(self.widths):
            for part in (1, 2):
                x = BiasedConvolution(width, 5, name=f"conv_{number}_{part}")(x)
                slope = nn.PReLU(negative_slope_init=0.25, name=f"slope_{number}_{part}")
                x = slope(x)
            x = nn.max_pool(x, (2, 2), (2, 2))
        x = x.reshape(len(x), -1).astype(jnp.float32)
        if self.features:
            start = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
            x = nn.Dense(self.features, kernel_init=start, name="features")(x)
        return Classified(x, self.head(self.num_classes, name="logits")(x))
