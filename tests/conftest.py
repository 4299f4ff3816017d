"""Test-wide settings, made before JAX is imported: CPU, 8 devices, flags parsed."""

import os
import pathlib

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
).strip()

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
