"""A few 3x3 convolutions for images of 8 to 32 pixels: a network for minutes, ours."""

import chex
import flax.linen as nn
import jax

from jaxrepro.nn.branch_initialization import Initialization
from jaxrepro.nn.classifiers.small_images import Classified, MakeHead, classified
from jaxrepro.nn.forms.biased_convolution import BiasedConvolution
from jaxrepro.nn.norms.batch_norm import BatchNormRelu

_HE = Initialization("msra")


class SmallConvolutions(nn.Module):
    """Convolution, norm and ReLU for each of `widths`, the maps halved between them.

    The features are the means of the last maps. head: the last layer. Maps have the dtype of the
    images.
    """

    widths: tuple[int, ...] = (32, 64, 64)
    num_classes: int = 10
    head: MakeHead = nn.Dense

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool) -> Classified:
        """Returns features and float32 logits [B, num_classes]; images: [B, H, W, C]."""
        chex.assert_rank(images, 4)
        x = images
        for number, width in enumerate(self.widths):
            if number:
                x = nn.max_pool(x, (2, 2), (2, 2))
            x = BiasedConvolution(width, 3, use_bias=False, start=_HE, name=f"conv_{number}")(x)
            x = BatchNormRelu(name=f"norm_{number}")(x, train=train)
        return classified(x, self.num_classes, self.head)
