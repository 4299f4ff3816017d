"""The flags that the commands for trained networks share."""

import os
import pathlib
from typing import TYPE_CHECKING

from absl import flags

from jaxrepro.core.files.places import Place, place

if TYPE_CHECKING:
    from jaxrepro.data.sets.pictures import Pictures

_NETWORKS = "the workdir of a run, an export or a .mat file of the authors' release"
_PICTURES = "a folder of pictures, folder:DIR, photos:train or photos:test"


def define_weights(default: str = "") -> None:
    """Defines --weights for one network. default: what is taken without it."""
    flags.DEFINE_string("weights", None, f"Network: {_NETWORKS}{default and f'; {default}'}.")


def define_weights_list() -> None:
    """Defines --weights for several networks."""
    flags.DEFINE_list("weights", [], f"Networks with commas between them, each {_NETWORKS}.")


def define_data() -> None:
    """Defines --data for one set of pictures."""
    flags.DEFINE_string("data", None, f"Pictures: {_PICTURES}.")


def define_data_list(default: str) -> None:
    """Defines --data for several sets of pictures."""
    flags.DEFINE_list("data", [default], f"Pictures, sets with commas between them: {_PICTURES}.")


def define_scale(default: int | None = None) -> None:
    """Defines --scale. default: None takes what the network was trained for."""
    flags.DEFINE_integer(
        "scale",
        default,
        "Times larger, in width and in height. A .mat file does not say for which it is.",
        lower_bound=2,
    )


def define_output() -> None:
    """Defines --output for the numbers of a table."""
    flags.DEFINE_string("output", None, "JSON file for every number of the table.")


def given_path(name: str) -> pathlib.Path:
    """Returns the path that a flag names, "~" as the user's folder."""
    return pathlib.Path(name).expanduser()


def given_network(name: str) -> Place:
    """Returns what a flag of networks names, for `trained.load_trained`."""
    return place(os.path.expanduser(name))


def given_pictures(name: str) -> "Pictures":
    """Returns the pictures that a flag names: as of `open_pictures`, or a folder by itself.

    Raises InputError where there are none.
    """
    from jaxrepro.data.sets.pictures import open_pictures

    is_folder = bool(name) and given_path(name).is_dir()
    return open_pictures(f"folder:{name}" if is_folder else name)
