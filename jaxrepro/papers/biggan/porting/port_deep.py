"""BigGAN-deep weights published by the author's PyTorch code, as modules and variables.

Called by `port.py`. The author numbers the generator's blocks through, and the
discriminator's by stage and block of the stage.
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
from jaxrepro.papers.biggan.network.deep import (
    DeepDiscriminator,
    DeepGenerator,
    deep_discriminator_sides,
    deep_generator_widths,
)
from jaxrepro.papers.biggan.network.widths import (
    DISCRIMINATOR_CHANNELS,
    GENERATOR_CHANNELS,
    SEED_SIDE,
    generator_sides,
)
from jaxrepro.papers.biggan.porting.pytorch_layout import (
    OUTPUT_BN_EPSILON,
    attention_sides,
    num_blocks,
    variables_from_pytorch,
)


def is_deep(state_dict: Arrays) -> bool:
    """Returns whether the names are those of a BigGAN-deep network: blocks of four convolutions."""
    return any(".conv4." in name or name.startswith("input_conv.") for name in state_dict)


def deep_generator_from_pytorch(
    state_dict: Arrays, *, bn_epsilon: float, sn_epsilon: float
) -> tuple[DeepGenerator, Variables]:
    """Returns what `port.generator_from_pytorch` does, for a BigGAN-deep."""
    seed_rows, inputs = shape_of(state_dict, "linear.weight", 2)
    resolution, depth, ch = _deep_generator_size(state_dict, seed_rows)
    num_classes, shared_dim = shape_of(state_dict, "shared.weight", 2)
    if inputs <= shared_dim:
        raise InputError(
            f"linear.weight has {inputs} columns: it must have more than shared.weight, "
            f"{shared_dim}; the others are those of z"
        )
    last_of_stage = {
        side: depth * (stage + 1) - 1 for stage, side in enumerate(generator_sides(resolution))
    }
    module = DeepGenerator(
        resolution=resolution,
        ch=ch,
        dim_z=inputs - shared_dim,
        num_classes=num_classes,
        channels=shape_of(state_dict, "output_layer.2.weight", 4)[0],
        shared_dim=shared_dim,
        attention=attention_sides(
            state_dict, ((side, f"blocks.{i}.1") for side, i in last_of_stage.items())
        ),
        bn_epsilon=bn_epsilon,
        sn_epsilon=sn_epsilon,
        output_bn_epsilon=OUTPUT_BN_EPSILON,
        depth=depth,
    )
    places = {f"attentions_{side}": f"blocks.{i}.1" for side, i in last_of_stage.items()}
    places |= {f"blocks_{i}": f"blocks.{i}.0" for i in range(num_blocks(state_dict))}
    arguments = jnp.zeros((2, module.dim_z)), jnp.zeros((2,), jnp.int32)
    return module, variables_from_pytorch(module, arguments, state_dict, places)


def _deep_generator_size(state_dict: Arrays, seed_rows: int) -> tuple[int, int, int]:
    """Returns (resolution, depth, ch) by the number of blocks and the channels after each."""
    count = num_blocks(state_dict)
    widths = tuple(shape_of(state_dict, f"blocks.{i}.0.conv4.weight", 4)[0] for i in range(count))
    for resolution, multiples in GENERATOR_CHANNELS.items():
        depth, more_blocks = divmod(count, len(multiples) - 1)
        ch, more_rows = divmod(seed_rows, SEED_SIDE * SEED_SIDE * multiples[0])
        if more_blocks or more_rows or depth < 1:
            continue
        if widths == tuple(ch * m for m in deep_generator_widths(resolution, depth)):
            return resolution, depth, ch
    raise InputError(
        f"linear.weight has {seed_rows} rows, and the blocks' conv4.weight have "
        f"{', '.join(map(str, widths))}: no deep generator of {listed(GENERATOR_CHANNELS)} pixels "
        "has these channels"
    )


def deep_discriminator_from_pytorch(
    state_dict: Arrays, *, sn_epsilon: float
) -> tuple[DeepDiscriminator, Variables]:
    """Returns what `port.discriminator_from_pytorch` does, for a BigGAN-deep."""
    num_stages = num_blocks(state_dict)
    by_stages = {len(widths) - 1: side for side, (widths, _) in DISCRIMINATOR_CHANNELS.items()}
    if num_stages not in by_stages:
        raise InputError(
            f"a deep discriminator of {num_stages} stages: known are those of {listed(by_stages)}"
        )
    resolution = by_stages[num_stages]
    depth = 1
    while f"blocks.0.{depth}.conv1.weight" in state_dict:
        depth += 1
    width, channels, *_ = shape_of(state_dict, "input_conv.weight", 4)
    module = DeepDiscriminator(
        resolution=resolution,
        ch=channel_multiplier("input_conv.weight", width, DISCRIMINATOR_CHANNELS[resolution][0][0]),
        num_classes=shape_of(state_dict, "embed.weight", 2)[0],
        channels=channels,
        attention=attention_sides(
            state_dict,
            (
                (side, f"blocks.{stage}.{depth}")
                for stage, side in enumerate(deep_discriminator_sides(resolution))
            ),
        ),
        sn_epsilon=sn_epsilon,
        depth=depth,
    )
    places = {f"attentions_{stage}": f"blocks.{stage}.{depth}" for stage in range(num_stages)}
    for i in range(num_stages * depth):
        stage, block = divmod(i, depth)
        places[f"blocks_{i}"] = f"blocks.{stage}.{block}"
    images = jnp.zeros((2, resolution, resolution, channels))
    arguments = images, jnp.zeros((2,), jnp.int32)
    return module, variables_from_pytorch(module, arguments, state_dict, places)
