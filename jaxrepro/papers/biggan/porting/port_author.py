"""BigGAN weights published by the author's PyTorch code, as modules and their variables.

The names are those of its state_dict; those of BigGAN-deep are recognised. Files are read by the
caller, for example with `torch.load(path, weights_only=True)` or `numpy.load`.
"""

import jax.numpy as jnp

from jaxrepro.core.arrays.published_arrays import (
    Arrays,
    Variables,
    channel_multiplier,
    listed,
    shape_of,
)
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.network.deep import DeepDiscriminator, DeepGenerator
from jaxrepro.papers.biggan.network.model import Discriminator, Generator
from jaxrepro.papers.biggan.network.widths import (
    DISCRIMINATOR_CHANNELS,
    GENERATOR_CHANNELS,
    SEED_SIDE,
    discriminator_sides,
    generator_sides,
)
from jaxrepro.papers.biggan.porting.port_deep import (
    deep_discriminator_from_pytorch,
    deep_generator_from_pytorch,
    is_deep,
)
from jaxrepro.papers.biggan.porting.pytorch_layout import (
    OUTPUT_BN_EPSILON,
    attention_sides,
    num_blocks,
    variables_from_pytorch,
)


def generator_from_pytorch(
    state_dict: Arrays, *, bn_epsilon: float = 1e-5, sn_epsilon: float = 1e-6
) -> tuple[Generator | DeepGenerator, Variables]:
    """Returns (module, variables) with `module.apply(variables, z, labels, train=False)`.

    state_dict: the arrays of the author's G or G_ema, of BigGAN or BigGAN-deep. Resolution,
    width, latent size, classes, sharing, hierarchy, depth and attention are read from names and
    shapes; the two epsilons, which no array shows, are those that the network was trained with
    (the defaults are those of the author's ImageNet script).

    Raises:
      InputError: an array is missing, not used, or of the wrong shape; it is named.
    """
    if is_deep(state_dict):
        return deep_generator_from_pytorch(state_dict, bn_epsilon=bn_epsilon, sn_epsilon=sn_epsilon)
    count = num_blocks(state_dict)
    resolution = SEED_SIDE * 2**count
    if resolution not in GENERATOR_CHANNELS:
        raise InputError(
            f"a generator of {count} blocks would have {resolution} pixels; known are "
            f"{listed(GENERATOR_CHANNELS)}"
        )
    seed_rows, chunk = shape_of(state_dict, "linear.weight", 2)
    table_rows, condition = shape_of(state_dict, "blocks.0.0.bn1.gain.weight", 2)
    if "shared.weight" in state_dict:
        num_classes, shared_dim = shape_of(state_dict, "shared.weight", 2)
        if condition not in (shared_dim, shared_dim + chunk):
            raise InputError(
                f"blocks.0.0.bn1.gain.weight has {condition} columns; with shared.weight of "
                f"{shared_dim} columns and linear.weight of {chunk} it must have {shared_dim}, "
                f"or {shared_dim + chunk} in a hierarchical network"
            )
        hierarchical = condition != shared_dim
    else:
        num_classes, shared_dim, hierarchical = table_rows, 0, False
    sides = generator_sides(resolution)
    module = Generator(
        resolution=resolution,
        ch=channel_multiplier(
            "linear.weight", seed_rows, SEED_SIDE * SEED_SIDE * GENERATOR_CHANNELS[resolution][0]
        ),
        dim_z=chunk * (count + 1) if hierarchical else chunk,
        num_classes=num_classes,
        channels=shape_of(state_dict, "output_layer.2.weight", 4)[0],
        shared_dim=shared_dim,
        hierarchical=hierarchical,
        attention=attention_sides(
            state_dict, ((side, f"blocks.{i}.1") for i, side in enumerate(sides))
        ),
        bn_epsilon=bn_epsilon,
        sn_epsilon=sn_epsilon,
        output_bn_epsilon=OUTPUT_BN_EPSILON,
    )
    places = {f"attentions_{side}": f"blocks.{i}.1" for i, side in enumerate(sides)}
    places |= {f"blocks_{i}": f"blocks.{i}.0" for i in range(count)}
    inputs = jnp.zeros((2, module.dim_z)), jnp.zeros((2,), jnp.int32)
    return module, variables_from_pytorch(module, inputs, state_dict, places)


def discriminator_from_pytorch(
    state_dict: Arrays, *, sn_epsilon: float = 1e-6
) -> tuple[Discriminator | DeepDiscriminator, Variables]:
    """Returns (module, variables) with `module.apply(variables, images, labels, train=False)`.

    state_dict: the arrays of the author's D, of BigGAN or BigGAN-deep; everything but the
    epsilon is read from them, as in `generator_from_pytorch`.

    Raises:
      InputError: an array is missing, not used, or of the wrong shape; it is named.
    """
    if is_deep(state_dict):
        return deep_discriminator_from_pytorch(state_dict, sn_epsilon=sn_epsilon)
    count = num_blocks(state_dict)
    by_count = {len(widths): side for side, (widths, _) in DISCRIMINATOR_CHANNELS.items()}
    if count not in by_count:
        raise InputError(
            f"a discriminator of {count} blocks: known are those of {listed(by_count)}"
        )
    resolution = by_count[count]
    width, channels, *_ = shape_of(state_dict, "blocks.0.0.conv1.weight", 4)
    module = Discriminator(
        resolution=resolution,
        ch=channel_multiplier(
            "blocks.0.0.conv1.weight", width, DISCRIMINATOR_CHANNELS[resolution][0][0]
        ),
        num_classes=shape_of(state_dict, "embed.weight", 2)[0],
        channels=channels,
        attention=attention_sides(
            state_dict,
            ((side, f"blocks.{i}.1") for i, side in enumerate(discriminator_sides(resolution))),
        ),
        sn_epsilon=sn_epsilon,
    )
    places = {f"attentions_{i}": f"blocks.{i}.1" for i in range(count)}
    places |= {f"blocks_{i}": f"blocks.{i}.0" for i in range(count)}
    images = jnp.zeros((2, resolution, resolution, channels))
    inputs = images, jnp.zeros((2,), jnp.int32)
    return module, variables_from_pytorch(module, inputs, state_dict, places)
