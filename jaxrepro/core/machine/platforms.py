"""Which platforms JAX can run on here, and one line where it is told to take another."""

import importlib.metadata
import importlib.util
import os
import traceback

from jaxrepro.core.errors import InputError

# Platform -> packages of which one brings it.
_PLUGINS = {
    "cuda": ("jax_cuda12_plugin", "jax_cuda13_plugin"),
    "rocm": ("jax_rocm60_plugin", "jax_rocm7_plugin"),
    "tpu": ("libtpu",),
}
# Platform -> this project's extra that installs it.
_EXTRAS = {"cuda": "cuda12", "gpu": "cuda12", "tpu": "tpu"}
_OF_JAX = "jax._src.xla_bridge"


def cpu_only() -> bool:
    """Whether JAX will run on the CPU: asked for, or nothing else is installed."""
    if platforms := os.environ.get("JAX_PLATFORMS"):
        return platforms == "cpu"
    return installed() == ["cpu"]


def installed() -> list[str]:
    """Returns the platforms whose packages are installed: "cpu", perhaps "cuda", "rocm", "tpu"."""
    found = [name for name, packages in _PLUGINS.items() if any(map(_is_installed, packages))]
    return ["cpu", *found]


def check_given() -> None:
    """Raises InputError if JAX_PLATFORMS names a platform that JAX cannot have here.

    Starts nothing. A platform that is installed and has no device shows itself only when JAX is
    first used: see `failure`.
    """
    given = os.environ.get("JAX_PLATFORMS", "")
    if not given or _other_plugins():
        return
    here, names = installed(), given.split(",")
    # Another word for both kinds of GPU.
    found = {*here, "gpu"} if {"cuda", "rocm"} & set(here) else set(here)
    missing = [name for name in names if name not in found]
    # JAX goes on without CUDA where others are named beside it.
    if missing and (set(missing) != {"cuda"} or set(names) == {"cuda"}):
        raise InputError(_advice(given, missing[0], f"here there is {', '.join(here)}"))


def failure(error: BaseException) -> InputError | None:
    """Returns what to say of an error with which JAX did not start; None for any other error."""
    frames = traceback.walk_tb(error.__traceback__)
    names = [frame.f_code.co_name for frame, _ in frames if frame.f_globals["__name__"] == _OF_JAX]
    # AssertionError: of all platforms that were named none has a device.
    if "backends" not in names or not isinstance(error, RuntimeError | AssertionError):
        return None
    given = os.environ.get("JAX_PLATFORMS", "")
    reason = " ".join(str(error).split())[:200]
    if not given:
        return InputError(f"JAX finds no device: {reason}; JAX_PLATFORMS=cpu runs on the CPU")
    what = f"JAX finds no such device ({reason})" if reason else "JAX finds no such device"
    return InputError(_advice(given, given.partition(",")[0], what))


def _advice(given: str, name: str, what: str) -> str:
    extra = _EXTRAS.get(name)
    package = f"pip install 'jaxrepro[{extra}]' brings what JAX needs for it, or " if extra else ""
    return (
        f"JAX_PLATFORMS={given} asks for a platform that is not there: {what}; {package}"
        "unset JAX_PLATFORMS, or set it to cpu"
    )


def _other_plugins() -> list[str]:
    """Returns plugins of JAX of other platforms, whose names only JAX knows."""
    points = importlib.metadata.entry_points(group="jax_plugins")
    return [point.name for point in points if not point.name.startswith(("xla_cuda", "xla_rocm"))]


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
