"""Where things are kept that can be made again."""

import os
import pathlib


def cache_folder() -> pathlib.Path:
    """Returns $JAXREPRO_CACHE, or ~/.cache/jaxrepro."""
    given = os.environ.get("JAXREPRO_CACHE")
    return pathlib.Path(given).expanduser() if given else pathlib.Path.home() / ".cache/jaxrepro"
