"""The fast gradient sign method: pictures changed a little so that a network errs.

I. Goodfellow, J. Shlens, C. Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015
(arXiv 1412.6572), section 4.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax


def fgsm(
    logits: Callable[[jax.Array], jax.Array], images: jax.Array, labels: jax.Array, eps: float
) -> jax.Array:
    """Returns the images moved by `eps` along the signs of the cross entropy's gradient.

    logits: images -> scores [B, K], each image by itself. images: [B, H, W, C] of 0 to 255; labels:
    int [B], of their true classes. eps: of the whole range, such as 0.1; pixels stay in the range.
    The result is float32 and not rounded.
    """

    def loss(pixels: jax.Array) -> jax.Array:
        return optax.softmax_cross_entropy_with_integer_labels(logits(pixels), labels).sum()

    pixels = jnp.asarray(images, jnp.float32)
    return jnp.clip(pixels + 255 * eps * jnp.sign(jax.grad(loss)(pixels)), 0, 255)
