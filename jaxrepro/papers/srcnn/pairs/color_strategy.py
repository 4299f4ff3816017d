"""How colour is learnt: which planes a network sees, and which of them it is trained on when.

The paper compares training on luma alone, on Y, Cb, Cr together, on Y or on Cb and Cr first and
then on all three, and on R, G, B (section 4.4). The article starts an RGB network from the
parameters of a luma network.
"""

import dataclasses

import jax
import jax.numpy as jnp

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.papers.srcnn.pairs.planes import COLORS


@dataclasses.dataclass(frozen=True)
class ColorStrategy:
    """One way to train for colour.

    Attributes:
      planes: what the network sees, a key of `planes.COLORS`.
      first: the planes that alone count in the loss at the beginning; none: all count always.
      from_luma: whether training begins from a network that was trained on luma.
    """

    planes: str
    first: tuple[str, ...] = ()
    from_luma: bool = False


# By config name. With "y", Cb and Cr are enlarged by interpolation where a picture is made.
STRATEGIES = {
    "y": ColorStrategy("y"),
    "ycbcr": ColorStrategy("ycbcr"),
    "y-first": ColorStrategy("ycbcr", first=("Y",)),
    "cbcr-first": ColorStrategy("ycbcr", first=("Cb", "Cr")),
    "rgb": ColorStrategy("rgb"),
    "rgb-from-y": ColorStrategy("rgb", from_luma=True),
}


@dataclasses.dataclass(frozen=True)
class PlanesInLoss:
    """Which planes count in the loss at which update.

    Attributes:
      names: all planes, in order.
      first: those that count during the first `first_steps` updates; all count afterwards.
    """

    names: tuple[str, ...]
    first: tuple[str, ...]
    first_steps: int

    @classmethod
    def from_settings(
        cls, strategy: ColorStrategy, loss: Settings, total_steps: int
    ) -> "PlanesInLoss":
        """Reads loss.first_steps; raises InputError if it does not go with the rest."""
        steps = loss.at_least("first_steps", 0)
        if steps >= total_steps:
            raise InputError(
                f"loss.first_steps={steps} of train.total_steps={total_steps} leave no update for "
                "all planes; lower it, or raise train.total_steps"
            )
        if bool(steps) != bool(strategy.first):
            raise InputError(
                f"loss.first_steps={steps} given; data.color=y-first and cbcr-first need at least "
                "1, the others have no first planes and take 0"
            )
        return cls(COLORS[strategy.planes], strategy.first, steps)

    def __call__(self, step: jax.Array) -> jax.Array:
        """Returns float32 [planes], 1 for a plane that counts after `step` updates, else 0.

        step: int32 [], traced or not.
        """
        everything = jnp.ones(len(self.names))
        if not self.first:
            return everything
        chosen = jnp.array([float(name in self.first) for name in self.names])
        return jnp.where(step < self.first_steps, chosen, everything)
