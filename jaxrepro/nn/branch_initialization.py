"""How the convolutions start: by torch's habit, for one branch, or for several.

With a the share of its input's power that a ReLU lets through (1/2; 1 without one), n the fan of
a kernel and C the branches that are added before it or taken after it, the variance of a layer's
maps is kept by Var = 1 / (a C_in n_in), and that of the gradients by 1 / (a C_out n_out).
"""

import dataclasses
from typing import NamedTuple

import jax

from jaxrepro.nn.forms.biased_convolution import Draw, Flow, draw_zeros, uniform_by_fan_in


class _Fans(NamedTuple):
    fan_in: int
    fan_out: int


def _fans(shape: tuple[int, ...]) -> _Fans:
    height, width, inputs, outputs = shape
    return _Fans(height * width * inputs, height * width * outputs)


def _kept(flow: Flow) -> float:
    return 0.5 if flow.rectified else 1.0


def _xavier(flow: Flow, fans: _Fans) -> float:
    """The mean of both, for one branch and no ReLU (Glorot, Bengio, 2010)."""
    del flow
    return 2 / (fans.fan_in + fans.fan_out)


def _msra(flow: Flow, fans: _Fans) -> float:
    """The maps' variance for one branch behind a ReLU (He et al., ICCV 2015)."""
    del flow
    return 2 / fans.fan_in


def _weighted(flow: Flow, fans: _Fans) -> float:
    return flow.branches_in * fans.fan_in + flow.branches_out * fans.fan_out


def _branch_paper(flow: Flow, fans: _Fans) -> float:
    """The paper's, with the square of a (equation 15)."""
    return 1 / (_kept(flow) ** 2 * _weighted(flow, fans))


def _branch_article(flow: Flow, fans: _Fans) -> float:
    """The article's, without the square: behind a ReLU half of the paper's."""
    return 1 / (_kept(flow) * _weighted(flow, fans))


def _branch_consistent(flow: Flow, fans: _Fans) -> float:
    """What the two conditions give, whose mean both others mean: as the paper's behind a ReLU."""
    return 2 / (_kept(flow) * _weighted(flow, fans))


_VARIANCES = {
    "xavier": _xavier,
    "msra": _msra,
    "branch_paper": _branch_paper,
    "branch_article": _branch_article,
    "branch_consistent": _branch_consistent,
}
INITIALIZATIONS = ("torch", *_VARIANCES)
# He's are normal, the others uniform, as their papers have them.
_NORMAL = ("msra",)


@dataclasses.dataclass(frozen=True)
class Initialization:
    """A `biased_convolution.Start` by its name, one of INITIALIZATIONS.

    "torch": kernels and biases uniform in +-1/sqrt(fan_in). All others draw kernels of the
    variance that their name stands for, and start biases at 0.
    """

    name: str = "torch"

    def __call__(self, flow: Flow) -> tuple[Draw, Draw]:
        """Returns how the kernel and the bias of a layer in that place are drawn."""
        if self.name == "torch":
            return uniform_by_fan_in(flow)
        variance_of = _VARIANCES[self.name]

        def kernel(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
            deviation = variance_of(flow, _fans(shape)) ** 0.5
            if self.name in _NORMAL:
                return deviation * jax.random.normal(key, shape)
            bound = 3**0.5 * deviation
            return jax.random.uniform(key, shape, minval=-bound, maxval=bound)

        return kernel, draw_zeros
