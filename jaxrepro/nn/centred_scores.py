"""A last layer for the centre loss."""

import flax.linen as nn
import jax


class CentredScores(nn.Module):
    """A dense layer, and a centre a class that its scores do not use.

    Y. Wen, K. Zhang, Z. Li, Y. Qiao, "A Discriminative Feature Learning Approach for Deep Face
    Recognition", ECCV 2016. Parameters: "dense", and "means" [K, D], which start at 0.
    """

    num_classes: int

    @nn.compact
    def __call__(self, features: jax.Array) -> jax.Array:
        """Returns scores, float32 [B, K], of features [B, D]."""
        self.param("means", nn.initializers.zeros, (self.num_classes, features.shape[1]))
        return nn.Dense(self.num_classes, name="dense")(features)
