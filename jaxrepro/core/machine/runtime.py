"""Process-wide JAX settings, made before JAX starts a backend."""

import gc
import importlib.metadata
import os
import sys

from jaxrepro.core.machine import host_memory
from jaxrepro.core.machine.platforms import check_given, cpu_only

# jaxlib versions on which the flag below was seen accepted: XLA aborts the process on a flag
# that it does not know, so an unseen version goes without it.
_CONVOLUTION_FLAG = "--xla_cpu_experimental_ynn_fusion_type=-individual_convolution"
_CONVOLUTION_FLAG_VERSIONS = ("0.10.2", "0.11.2")
# A thousand programs of small configs take 0.15 GB.
_PROGRAMS_BYTES = 2 * 2**30


def set_xla_flags() -> None:
    """Keeps XLA:CPU's convolutions out of YNN, where their weight gradient is several times slower.

    Adds to the user's own XLA_FLAGS and does nothing where they already name the option, on
    another platform, or on a jaxlib version on which the flag is not known to exist. What it
    brings: `python -m benchmarks.step_time --config=... --without_settings`.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    known = importlib.metadata.version("jaxlib") in _CONVOLUTION_FLAG_VERSIONS
    if known and cpu_only() and "xla_cpu_experimental_ynn_fusion_type" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_CONVOLUTION_FLAG}".strip()


def set_num_cpu_devices(number: int) -> None:
    """Shows JAX this many devices where it runs on the CPU alone; elsewhere does nothing."""
    if cpu_only():
        words = [w for w in os.environ.get("XLA_FLAGS", "").split() if "device_count" not in w]
        words.append(f"--xla_force_host_platform_device_count={number}")
        os.environ["XLA_FLAGS"] = " ".join(words)


def set_compilation_cache() -> None:
    """Keeps compiled programs in `xla` of the cache folder unless JAX_COMPILATION_CACHE_DIR is set.

    All of them, unless JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS is set: a start compiles many
    small ones. The folder holds 2 GiB at most, unless JAX_COMPILATION_CACHE_MAX_SIZE is set.
    """
    import jax

    from jaxrepro.core.errors import InputError
    from jaxrepro.core.files.cache import cache_folder
    from jaxrepro.core.machine import compiled_programs

    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        try:
            folder = cache_folder("xla")
        except InputError as error:
            # Programs can do without.
            print(error, file=sys.stderr)
            return
        if "JAX_COMPILATION_CACHE_MAX_SIZE" not in os.environ:
            compiled_programs.tidy(folder, _PROGRAMS_BYTES)
        jax.config.update("jax_compilation_cache_dir", str(folder))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def set_garbage_collection() -> None:
    """Makes Python search for garbage less often.

    Imports and tracing make many objects that stay, and at Python's own thresholds the search for
    cycles among them takes a quarter of the time of tracing.
    """
    gc.set_threshold(20_000, 10, 10)


def set_for_speed() -> None:
    """Makes the settings that change how fast CPU programs run, and nothing else."""
    set_xla_flags()
    if cpu_only():
        host_memory.keep_freed_memory()


def set_up() -> None:
    """Makes the settings of every entry point; call it before the first use of JAX.

    Raises InputError where JAX is told to run on a platform that is not there.
    """
    check_given()
    set_garbage_collection()
    set_for_speed()
    set_compilation_cache()
