"""The flags that the commands which measure networks share, beside those of the network."""

from typing import TYPE_CHECKING

from absl import flags

from jaxrepro.core.cli import given_path

if TYPE_CHECKING:
    from jaxrepro.data.sets.pictures import Pictures

_PICTURES = "a folder of pictures, folder:DIR, photos:train or photos:test"


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


def given_pictures(name: str) -> "Pictures":
    """Returns the pictures that a flag names: as of `open_pictures`, or a folder by itself.

    Raises InputError where there are none.
    """
    from jaxrepro.data.sets.pictures import open_pictures

    is_folder = bool(name) and given_path(name).is_dir()
    return open_pictures(f"folder:{name}" if is_folder else name)
