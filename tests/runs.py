"""Runs of the command line tools, as a user starts them."""

import functools
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import types

import jax
import numpy as np
from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.config import Settings
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.devices.partition import leaf_path, state_shardings, with_shardings
from jaxrepro.core.run.workdir import CONFIG, read_json
from jaxrepro.core.state import TrainState
from jaxrepro.core.update.first_state import FirstState
from jaxrepro.papers import make_task
from tests import forks

ROOT = pathlib.Path(__file__).resolve().parents[1]


def start(module: str, *arguments: str, devices: int = 1) -> forks.Process:
    """Starts `python -m module`, its imports made, on one CPU device unless said otherwise."""
    return forks.Process([module, *arguments], _environment(devices))


def run(
    module: str, *arguments: str, devices: int = 1, imported: bool = True
) -> subprocess.CompletedProcess:
    """Runs `python -m module` to its end; with imports that are made already, or from nothing."""
    if not imported:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=_environment(devices),
            capture_output=True,
            text=True,
            timeout=300,
        )
    process = start(module, *arguments, devices=devices)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _environment(devices: int) -> dict[str, str]:
    flags = [word for word in os.environ.get("XLA_FLAGS", "").split() if "device_count" not in word]
    flags.append(f"--xla_force_host_platform_device_count={devices}")
    return os.environ | {"XLA_FLAGS": " ".join(flags)}


def call(module: types.ModuleType, *arguments: str) -> None:
    """Runs a command in this process, and raises what it raises."""
    before = set(flags.FLAGS)
    module.define_flags()
    # Not those that libraries define once, when they are imported further down.
    defined = set(flags.FLAGS) - before
    if "num_processes" in flags.FLAGS:
        # JAX runs here already, too late to look for other processes.
        arguments = (*arguments, "--num_processes=1")
    try:
        cli.parse([module.__name__, *arguments])
        module.main(flags.FLAGS)
    finally:
        for name in defined | {name for name in flags.FLAGS if name.startswith("config.")}:
            delattr(flags.FLAGS, name)


def interrupt_after(process: forks.Process, path: pathlib.Path, number: signal.Signals) -> int:
    """Sends a signal once `path` exists; returns the exit status."""
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)
    process.send_signal(number)
    process.communicate(timeout=120)
    return process.returncode


def leaves(workdir: pathlib.Path, step: int) -> dict[str, np.ndarray]:
    """Returns every leaf of a checkpoint by its path; keys as their data."""
    settings = Settings(read_json(workdir / CONFIG))
    task = make_task(settings)
    shapes = jax.eval_shape(task.init, jax.random.key(settings.seed))
    shardings = state_shardings(shapes, (), mesh_lib.make_mesh())
    with Checkpoints(workdir, read_only=True) as checkpoints:
        state = checkpoints.restore(step, with_shardings(shapes, shardings))
    return leaves_of(state)


def leaves_of(state: TrainState) -> dict[str, np.ndarray]:
    """Returns every leaf of a state by its path; keys as their data."""
    flat = jax.tree_util.tree_flatten_with_path(state)[0]
    is_key = lambda x: jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)  # noqa: E731
    return {
        leaf_path(path): np.asarray(jax.random.key_data(x) if is_key(x) else x) for path, x in flat
    }


def free_port() -> int:
    """Returns a port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def initialised(module, *args, **options):
    """Returns module.init(*args, **options), made by one program and not by one per operation."""
    return jax.jit(functools.partial(module.init, **options))(*args)


def first_state(init, *args):
    """Returns jax.jit(init)(*args) as a run makes it: draws of one shape are compiled once."""
    return FirstState(init, *args)()
