"""The C library's memory allocator, set so that a step's memory is not fetched anew each time."""

import ctypes
import os
import platform

# Parameters of glibc's mallopt(3), from malloc.h.
_TRIM_THRESHOLD = -1
_MMAP_MAX = -4
_ARENA_MAX = -8
_USERS_SETTINGS = ("GLIBC_TUNABLES", "MALLOC_ARENA_MAX", "MALLOC_MMAP_MAX_", "LD_PRELOAD")


def keep_freed_memory() -> bool:
    """Makes the process keep the memory that it frees, and returns whether it does.

    On CPU XLA allocates the memory of a step at its start and frees it at its end. glibc maps and
    unmaps blocks of that size each time, and the kernel clears every page of them again; with
    --without_settings, `benchmarks.step_time` shows what that costs. One arena, no maps and no
    trimming let the next step have the pages of the last one.

    Call it before threads are started. It does nothing with another C library, or where the user
    has set the allocator up: any of GLIBC_TUNABLES, MALLOC_ARENA_MAX, MALLOC_MMAP_MAX_, LD_PRELOAD.
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _USERS_SETTINGS):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # -1: never give the top of the heap back.
    settings = ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1))
    return all([mallopt(parameter, value) for parameter, value in settings])
