"""Files that lie beside pictures and are not read: counted by ending, and said in one line."""

import collections
import pathlib
from collections.abc import Mapping

# As many kinds are named.
_LISTED = 8
_BARE = "without ending"


def ending_of(path: pathlib.PurePath) -> str:
    """Returns what a file's name ends in, in small letters, such as ".heic"; "" for no ending."""
    return path.suffix.lower()


def counts_text(endings: Mapping[str, int]) -> str:
    """Returns "3 .heic, 2 without ending": how many files there are of each ending; "" for none."""
    ordered = sorted(endings.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{count:,} {ending or _BARE}" for ending, count in ordered[:_LISTED]]
    if rest := sum(count for _, count in ordered[_LISTED:]):
        shown.append(f"{rest:,} of {len(ordered) - _LISTED} other endings")
    return ", ".join(shown)


class OtherFiles:
    """What lies in a folder and is not read, as it is found."""

    def __init__(self) -> None:
        self._endings: collections.Counter[str] = collections.Counter()
        self._bare: list[str] = []
        self._beside: list[str] = []
        self._num_folders = 0

    def add(self, path: pathlib.PurePath) -> None:
        """Counts a file of a kind that is not read."""
        self._endings[ending_of(path)] += 1
        if not path.suffix:
            self._bare.append(path.name)

    def add_beside(self, name: str) -> None:
        """Counts a picture that lies beside the folders of the classes."""
        self._beside.append(name)

    def add_folder(self) -> None:
        """Counts a folder inside the folder of a class."""
        self._num_folders += 1

    def text(self, where: object) -> str:
        """Returns one line on all that was found, "" for nothing. where: the folder."""
        parts = []
        if counts := counts_text(self._endings):
            parts.append(counts)
            if self._bare:
                parts[0] = counts.replace(_BARE, f"{_BARE} (such as {min(self._bare)})")
        if self._num_folders:
            folders = "folder" if self._num_folders == 1 else "folders"
            parts.append(f"{self._num_folders:,} {folders} inside class folders")
        if self._beside:
            number = len(self._beside)
            pictures = "1 picture" if number == 1 else f"{number:,} pictures"
            parts.append(f"{pictures} beside the class folders (such as {min(self._beside)})")
        return f"not read in {where}: {', '.join(parts)}" if parts else ""
