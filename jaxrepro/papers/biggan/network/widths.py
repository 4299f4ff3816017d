"""Channels and sides of the maps in BigGAN's networks, by resolution, and checks against them."""

from typing import Any

from jaxrepro.core.errors import InputError

# In units of ch, by resolution: the 4x4 seed's channels, then those after each block (of
# BigGAN-deep: each group of blocks), which doubles the side.
GENERATOR_CHANNELS: dict[int, tuple[int, ...]] = {
    16: (4, 4, 2),
    32: (4, 4, 4, 4),
    64: (16, 16, 8, 4, 2),
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
    512: (16, 16, 8, 8, 4, 2, 1, 1),
}
# In units of ch: the channels after each block, and how many of the blocks, the first ones,
# halve the side. In BigGAN-deep the first entry is the input convolution's, and the others are
# those of the groups, of which the first ones, as many, halve the side.
DISCRIMINATOR_CHANNELS: dict[int, tuple[tuple[int, ...], int]] = {
    16: ((1, 2, 4), 2),
    32: ((4, 4, 4, 4), 2),
    64: ((1, 2, 4, 8, 16), 4),
    128: ((1, 2, 4, 8, 16, 16), 5),
    256: ((1, 2, 4, 8, 8, 16, 16), 6),
    512: ((1, 1, 2, 4, 8, 8, 16, 16), 7),
}
SEED_SIDE = 4


def generator_sides(resolution: int) -> tuple[int, ...]:
    """Returns the sides, in pixels, of the maps after each block of the generator."""
    num_blocks = len(GENERATOR_CHANNELS[resolution]) - 1
    return tuple(SEED_SIDE * 2 ** (i + 1) for i in range(num_blocks))


def discriminator_sides(resolution: int) -> tuple[int, ...]:
    """Returns the sides, in pixels, of the maps after each block of the discriminator."""
    channels, num_down = DISCRIMINATOR_CHANNELS[resolution]
    return tuple(resolution // 2 ** min(i + 1, num_down) for i in range(len(channels)))


def check_resolution(resolution: int) -> None:
    """Raises InputError unless there are networks of that many pixels."""
    if resolution not in GENERATOR_CHANNELS:
        allowed = ", ".join(map(str, GENERATOR_CHANNELS))
        raise InputError(f"resolution={resolution}: choose one of {allowed}")


def check_attention(
    network: str, attention: tuple[int, ...], sides: tuple[int, ...], channels: tuple[int, ...]
) -> None:
    """Raises InputError unless the network has maps of those sides, with 8 or more channels.

    sides, channels: of the maps after which attention may be placed.
    """
    missing = [side for side in attention if side not in sides]
    if missing:
        allowed = ", ".join(map(str, sorted(set(sides))))
        raise InputError(
            f"attention={attention}: the {network} has no map of side "
            f"{', '.join(map(str, missing))}; choose among {allowed}, or () for none"
        )
    for side, width in zip(sides, channels, strict=True):
        if side in attention and width < 8:
            raise InputError(
                f"attention at {side} of the {network} needs at least 8 channels and has "
                f"{width}: raise ch"
            )


def size_in_words(module: Any) -> str:
    """Returns which network a module is, for a message about arrays that do not make it."""
    return f"a {type(module).__name__} of {module.resolution} pixels with ch {module.ch}"
