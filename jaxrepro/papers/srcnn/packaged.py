"""The trained networks that come with the package."""

import pathlib

from jaxrepro.core.checkpoints.export import is_export
from jaxrepro.core.errors import InputError

_FOLDER = pathlib.Path(__file__).with_name("weights")


def packaged_scales() -> tuple[int, ...]:
    """Returns the scales for which a network comes with the package."""
    folders = _FOLDER.glob("x*")
    return tuple(sorted(int(folder.name[1:]) for folder in folders if is_export(folder)))


def packaged_weights(scale: int) -> pathlib.Path:
    """Returns the export for a scale; raises InputError if there is none."""
    scales = packaged_scales()
    if scale not in scales:
        known = ", ".join(map(str, scales)) or "none"
        raise InputError(
            f"no network for --scale={scale} comes with the package (there are: {known}); give one "
            "with --model"
        )
    return _FOLDER / f"x{scale}"
