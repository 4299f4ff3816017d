"""Test-wide settings, made before JAX is imported: CPU, 8 devices, fast compilation, flags."""

import os
import pathlib

os.environ["JAX_PLATFORMS"] = "cpu"
# Most of the tests' time is compilation, and their programs are too small to gain from LLVM's
# optimisations: without them they compile in half the time. Commands under test inherit this. A
# level that the user sets is kept: XLA takes the last.
os.environ["XLA_FLAGS"] = " ".join(
    [
        "--xla_backend_optimization_level=0",
        os.environ.get("XLA_FLAGS", ""),
        "--xla_force_host_platform_device_count=8",
    ]
)

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Commands under test compile the same programs again and again.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".pytest_cache" / "xla"))

import pytest
from absl import flags

from jaxrepro.core import runtime

runtime.set_xla_flags()
flags.FLAGS.mark_as_parsed()


@pytest.fixture(scope="session")
def data_folder() -> pathlib.Path:
    """The folder of golden values and real data that may lie beside the repository."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the data folder is not beside the repository")
    return folder
