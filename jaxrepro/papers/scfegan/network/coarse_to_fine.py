"""Two generators in a row, to compare the paper's single U-Net with.

The form of Yu et al., arXiv 1801.07892 and 1806.03589: a first network fills the hole roughly, a
second one sees that and does it again.
"""

import jax
import jax.numpy as jnp

from jaxrepro.papers.scfegan.network.generator import Generator


class CoarseToFine(Generator):
    """Two U-Nets with the fields of `Generator`; the second sees the hole filled by the first."""

    def setup(self):
        """Makes both networks."""
        fields = {
            "width": self.width,
            "halvings": self.halvings,
            "dilations": self.dilations,
            "deconvolution_gate": self.deconvolution_gate,
            "norm": self.norm,
            "dtype": self.dtype,
            "remat": self.remat,
        }
        self.coarse = Generator(**fields)
        self.fine = Generator(**fields)

    def __call__(self, conditions: jax.Array) -> jax.Array:
        """Returns the second picture, as `Generator` its only one."""
        return self.stages(conditions)[1]

    def stages(self, conditions: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Returns both pictures, float32 [B, H, W, 3] in (-1, 1): (coarse, fine).

        conditions: [B, H, W, 9], as for `Generator`. A loss takes both: the gradient of the second
        reaches the first network through the hole.
        """
        coarse = self.coarse(conditions)
        image, others, mask = conditions[..., :3], conditions[..., 3:], conditions[..., 7:8]
        filled = jnp.where(mask > 0, coarse.astype(image.dtype), image)
        return coarse, self.fine(jnp.concatenate([filled, others], axis=-1))
