"""How long a program takes to compile anew, and to load from JAX's cache on disk."""

import contextlib
import dataclasses
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any


@dataclasses.dataclass(frozen=True)
class CompileTimes:
    """Seconds from a function to its program: traced and lowered, then compiled or loaded.

    from_cache_seconds: the same with the program in the cache; None for a program that JAX does not
    keep, such as one that calls Python.
    """

    trace_seconds: float
    seconds: float
    from_cache_seconds: float | None


@contextlib.contextmanager
def fresh_cache(folder: pathlib.Path) -> Iterator[None]:
    """A context in which JAX's cache on disk is `folder`, which keeps every program."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    settings = {
        "jax_compilation_cache_dir": None,
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in (settings | {"jax_compilation_cache_dir": str(folder)}).items():
        jax.config.update(name, value)
    # JAX looks once in a process whether there is a cache, and where.
    compilation_cache.reset_cache()
    try:
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()


def compile_twice(lower: Callable[[], Any]) -> tuple[Any, CompileTimes]:
    """Returns the program of `lower()`, and how long it took: first anew, then from the cache.

    lower: traces the function, such as `lambda: jax.jit(f).lower(x)`. Forgets all programs of this
    process that are not held by somebody.
    """
    import jax

    loaded = []
    jax.monitoring.register_event_listener(
        lambda event, **_: loaded.append(event) if event.endswith("/cache_hits") else None
    )
    with tempfile.TemporaryDirectory() as folder, fresh_cache(pathlib.Path(folder)):
        began = time.perf_counter()
        lowered = lower()
        traced = time.perf_counter()
        program = lowered.compile()
        done = time.perf_counter()
        jax.clear_caches()
        loaded.clear()
        again = time.perf_counter()
        lower().compile()
        from_cache = time.perf_counter() - again
    times = CompileTimes(traced - began, done - began, from_cache if loaded else None)
    return program, times
