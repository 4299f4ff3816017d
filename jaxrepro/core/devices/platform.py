"""For which platform a program is traced: the one question behind every choice by platform."""

import contextlib
import contextvars
from collections.abc import Iterator

import jax

_for_accelerators = contextvars.ContextVar("for_accelerators", default=False)


def on_cpu() -> bool:
    """Returns whether what is traced now is meant to run on a CPU.

    JAX's default backend says so, unless `traced_for_accelerators` is in force.
    """
    return not _for_accelerators.get() and jax.default_backend() == "cpu"


@contextlib.contextmanager
def traced_for_accelerators() -> Iterator[None]:
    """Traces inside it take the forms that accelerators run, whatever this machine has.

    For analysis and compilation ahead of time: on CPU such a program is right but slow. JAX keeps
    the trace of a function that it has seen, so the function must be new: a `lambda`, not a method
    that was traced outside.
    """
    token = _for_accelerators.set(True)
    try:
        yield
    finally:
        _for_accelerators.reset(token)
