"""What surrounds a command: platforms, caches, encodings, and names that are unusual."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence

from jaxrepro.core.machine import platforms
from tests.bad_inputs.case import Case, Place
from tests.bad_inputs.network_cases import draw_photo
from tests.bad_inputs.paper import CONFIGS, papers, users

_PLATFORMS = ("cuda", "gpu", "tpu", "rocm", "nonsense", "cpu,", "cuda,tpu", " cpu")
# Without a home, or with one or a cache where nobody may write, root neither.
_NO_CACHE: dict[str, Mapping[str, str | None]] = {
    "a home that is not there": {"HOME": "/nonexistent", "JAXREPRO_CACHE": None},
    "a home that cannot be written to": {"HOME": "/proc", "JAXREPRO_CACHE": None},
    "a cache that cannot be made": {"JAXREPRO_CACHE": "/proc/none"},
    "a cache below a file": {"JAXREPRO_CACHE": "/dev/null/cache"},
}
# Name -> (how an error shows it, encoding of the output).
_NAMES = {
    "caf\u00e9": ("caf\\xe9", "ascii"),
    "\u732b": ("\\u732b", "latin-1"),
    "caf\udce9": ("caf\\udce9", "utf-8"),
    "a\nb": ("a\\nb", "utf-8"),
    "\x1b[31mred": ("\\x1b[31mred", "utf-8"),
    "e[lr=1e-4]": ("e[lr=1e-4]", "utf-8"),
    "q[/tmp]": ("q[/tmp]", "utf-8"),
    ":cat:": (":cat:", "utf-8"),
    "$\\foo$": ("$\\foo$", "utf-8"),
    "long_name_" * 20: ("long_name_" * 20, "utf-8"),
}


def cases() -> Iterator[Case]:
    """Yields the cases of surroundings."""
    for command, make in _uses().items():
        for platform in _PLATFORMS:
            if platform in platforms.installed() or platform == " cpu" or platform == "gpu":
                continue
            yield _with_platform(command, make, platform)
    for paper in users():
        for name, variables in _NO_CACHE.items():
            yield _without_cache(paper, name, variables)
        for name, (shown, encoding) in _NAMES.items():
            yield _absent(paper, name, shown, encoding)
            for command in ("jaxrepro.report", "jaxrepro.plot", "jaxrepro.export"):
                yield _of_run(paper, name, encoding, command)


def _network(paper: str) -> Callable[[Place], Sequence[str]]:
    def make(place: Place) -> Sequence[str]:
        draw_photo(place)
        return users()[paper][1](str(place.materials.path(f"export:{paper}")))

    return make


def _run_of(paper: str, *words: str) -> Callable[[Place], Sequence[str]]:
    def make(place: Place) -> Sequence[str]:
        place.materials.copy(f"run:{paper}", place.folder / "run")
        return ["--workdir=run", *words]

    return make


def _uses() -> dict[str, Callable[[Place], Sequence[str]]]:
    first = next(iter(papers()))
    config = f"--config={CONFIGS / papers()[first].config}.py:test"
    return {
        **{command: _network(paper) for paper, (command, _) in users().items()},
        "jaxrepro.train": lambda place: [config, "--workdir=run"],
        "jaxrepro.evaluate": _run_of(first),
        "jaxrepro.export": _run_of(first, "--output=out"),
        "jaxrepro.plan": lambda place: [config, "--device_memory=4GB"],
    }


def _with_platform(command: str, make: Callable[[Place], Sequence[str]], platform: str) -> Case:
    names = (f"JAX_PLATFORMS={platform} ", "unset JAX_PLATFORMS")
    name = f"{command}: JAX_PLATFORMS={platform}"
    return Case("platform", name, command, make, names, environment={"JAX_PLATFORMS": platform})


def _without_cache(paper: str, name: str, variables: Mapping[str, str | None]) -> Case:
    return Case(
        "cache",
        f"{paper}: {name}",
        users()[paper][0],
        _network(paper),
        said=("no cache can be kept (", "JAXREPRO_CACHE"),
        environment={**variables, "JAX_COMPILATION_CACHE_DIR": None},
        slow=True,
    )


def _absent(paper: str, name: str, shown: str, encoding: str) -> Case:
    """A network that is not there, whose name cannot be shown as it is."""

    def make(place: Place) -> Sequence[str]:
        draw_photo(place)
        return users()[paper][1](f"{name}/absent")

    command = users()[paper][0]
    # The end of a name that is too long for a line of error may be left out.
    return Case("name", f"{paper}: no {shown}", command, make, shown[:40], encoding=encoding)


def _of_run(paper: str, name: str, encoding: str, command: str) -> Case:
    """A run in a folder of that name, which is used or refused in one line."""

    def make(place: Place) -> Sequence[str]:
        place.materials.copy(f"run:{paper}", place.folder / name)
        output = {"jaxrepro.plot": ["--output=curves.png"], "jaxrepro.export": ["--output=out"]}
        return [f"--workdir={name}", *output.get(command, [])]

    text = f"{paper}: {command.rpartition('.')[2]} of {os.fsencode(name)!r}"
    slow = command == "jaxrepro.export"
    return Case("name", text, command, make, certain=False, encoding=encoding, slow=slow)
