"""Test-wide settings, made before JAX is imported: CPU, 8 devices, fast compilation, flags."""

import collections
import gc
import importlib.metadata
import json
import os
import pathlib

os.environ["JAX_PLATFORMS"] = "cpu"
# Most of the tests' time is compilation, and their programs are too small to gain from LLVM's
# optimisations: without them they compile in half the time. Without MLIR for fused loops and
# without a split of the program for more threads, that time is halved again. Commands under test
# inherit this. A level that the user sets is kept: XLA takes the last. XLA aborts on a flag that
# it does not know, so a version on which these were not seen accepted goes without.
FAST_COMPILATION = ["--xla_backend_optimization_level=0"]
JAXLIB = importlib.metadata.version("jaxlib")
if JAXLIB in ("0.10.2", "0.11.2"):
    FAST_COMPILATION += ["--xla_cpu_parallel_codegen_split_count=1"]
    FAST_COMPILATION += ["--xla_llvm_disable_expensive_passes=true"]
if JAXLIB == "0.10.2":
    FAST_COMPILATION += ["--xla_cpu_use_fusion_emitters=false"]
    FAST_COMPILATION += ["--xla_cpu_opt_preset=CPU_OPT_PRESET_FAST_COMPILE"]
os.environ["XLA_FLAGS"] = " ".join(
    [
        *FAST_COMPILATION,
        os.environ.get("XLA_FLAGS", ""),
        "--xla_force_host_platform_device_count=8",
    ]
)

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Seconds of each file of tests that takes two or more; to renew: pytest -n 2 --write_costs.
COSTS = ROOT / "tests" / "costs.json"
# Commands under test compile the same programs again and again.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".pytest_cache" / "xla"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
# No program says from which lines of Python it comes, which costs a tenth of making it.
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")

import pytest
from absl import flags

from jaxrepro.core.machine import runtime
from tests.memory_store import store  # noqa: F401 - a fixture

# Tracing makes many objects and little garbage: at Python's own thresholds a quarter of its time
# goes into the search for the latter, and at those of the commands a twelfth.
gc.set_threshold(100_000, 10, 10)
runtime.set_for_speed()
flags.FLAGS.mark_as_parsed()


def pytest_addoption(parser):
    parser.addoption(
        "--write_costs", action="store_true", help="Renew tests/costs.json by the files of this run"
    )


def pytest_configure(config):
    # pytest-xdist would start the files with the most tests first, whatever they take.
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    """The longest files first, so that no process is alone with one at the end."""
    costs = json.loads(COSTS.read_text())
    items.sort(key=lambda item: -costs.get(item.nodeid.partition("::")[0], 0))


def pytest_collection_finish():
    # What is there by now stays; no search for garbage need look at it.
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("write_costs"):
        costs = collections.Counter()
        for reports in terminalreporter.stats.values():
            for report in reports:
                if isinstance(report, pytest.TestReport):
                    costs[report.nodeid.partition("::")[0]] += report.duration
        known = json.loads(COSTS.read_text()) | costs
        known = {k: round(v) for k, v in sorted(known.items()) if (ROOT / k).exists() and v >= 2}
        COSTS.write_text(json.dumps(known, indent=1) + "\n")


@pytest.fixture(scope="session", autouse=True)
def whole_parts():
    """Has Orbax save a part of an array by the first device that has it; returns its own way.

    By itself it lets each of the devices that have it save a slice, and compiles a program for
    every shape of one: hundreds for a network on the eight devices here.
    """
    import jax
    from orbax.checkpoint import type_handlers

    own = type_handlers.get_type_handler(jax.Array)
    whole = type_handlers.ArrayHandler(
        array_metadata_store=own._array_metadata_store, use_replica_parallel=False
    )
    type_handlers.register_type_handler(jax.Array, whole, override=True)
    return own


@pytest.fixture(scope="session")
def data_folder() -> pathlib.Path:
    """The folder of golden values and real data that may lie beside the repository."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the data folder is not beside the repository")
    return folder
