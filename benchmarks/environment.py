"""On what something was measured, and how a benchmark writes what it measured."""

import importlib.metadata
import pathlib
import platform
import sys
from typing import Any

_PACKAGES = ("jax", "jaxlib", "flax", "numpy")


def environment() -> dict[str, Any]:
    """Returns the devices, the processor, its cores that this process may use, XLA's flags
    and versions.
    """
    import os

    import jax

    device = jax.devices()[0]
    return {
        "device": f"{jax.device_count()} x {device.device_kind}",
        "processor": processor_name(),
        "num_cpus": len(os.sched_getaffinity(0)),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def processor_name() -> str:
    """Returns the CPU's own name and family where Linux tells them, else its architecture."""
    path = pathlib.Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    facts = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
    name = facts.get("model name", platform.machine()).strip()
    return name + (f", family {facts['cpu family'].strip()}" if "cpu family" in facts else "")


def publish(result: dict[str, Any], name: str, output: str | None) -> None:
    """Prints a result as JSON and, if `output` names a file, writes it there too.

    name: of the benchmark; with this process's arguments it becomes the key "command".
    """
    result["command"] = " ".join([f"python -m benchmarks.{name}", *sys.argv[1:]])
    from jaxrepro.core.files.strict_json import json_text

    text = json_text(result, indent=2)
    print(text)
    if output:
        from jaxrepro.core.files.whole_files import write_atomically

        write_atomically(pathlib.Path(output), (text + "\n").encode())


def in_milliseconds(seconds: Any) -> dict[str, float]:
    """Returns the median, least and greatest of `seconds` in milliseconds."""
    import numpy as np

    times = np.asarray(seconds) * 1e3
    return {
        "median": round(float(np.median(times)), 2),
        "min": round(float(times.min()), 2),
        "max": round(float(times.max()), 2),
    }
