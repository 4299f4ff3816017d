"""core/machine/host_memory.py, each case in a process of its own: the settings stay."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from jaxrepro.core.machine import host_memory

kept = host_memory.keep_freed_memory() if sys.argv[1] == "keep" else None

def faults_of_a_block():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(64 << 20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults_of_a_block()
print(kept, faults_of_a_block())
"""


def run(mode, **variables):
    environment = {k: v for k, v in os.environ.items() if "MALLOC" not in k and k != "LD_PRELOAD"}
    environment.pop("GLIBC_TUNABLES", None)
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    kept, faults = result.stdout.split()
    return kept, int(faults)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_a_block_of_the_same_size_needs_no_new_pages():
    pages = (64 << 20) // os.sysconf("SC_PAGE_SIZE")
    _, without = run("leave")
    kept, faults = run("keep")
    # numpy asks for huge pages, of 2 MiB at most here.
    assert without >= (64 << 20) // (2 << 20)
    assert kept == "True"
    assert faults < min(without, pages) / 4


def test_settings_of_the_user_stand():
    assert run("keep", MALLOC_ARENA_MAX="2")[0] == "False"
