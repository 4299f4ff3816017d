"""Where the program will run, as far as the choice between equal computations depends on it."""

import jax


def on_cpu() -> bool:
    """Returns whether JAX's default backend is the CPU, where the rewrites here were measured."""
    return jax.default_backend() == "cpu"
