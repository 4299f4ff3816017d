"""Published weights: the stacked hourglasses of PyTorch codes. PyraNet's own are for Torch 7."""

from jaxrepro.nn.blocks.hourglass_weights import hourglass_from_pytorch

__all__ = ["hourglass_from_pytorch"]
