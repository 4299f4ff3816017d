"""What a command says once about its inputs and goes on, kept for the record of what it makes."""

import sys

_told: list[str] = []
_to_errors = False


def tell(text: str) -> None:
    """Prints one line, the first time that it is told; nothing for "".

    For what may make a result another one than was meant, such as files of a folder that nobody
    reads. Records have it too, see `run_record.provenance`.
    """
    if text and text not in _told:
        _told.append(text)
        print(f"note: {text}", file=sys.stderr if _to_errors else sys.stdout)


def to_errors() -> None:
    """Sends what is told from now on to standard error, for a command that prints JSON."""
    global _to_errors
    _to_errors = True


def told() -> tuple[str, ...]:
    """Returns what this process has told, the first first."""
    return tuple(_told)


def forget() -> None:
    """Begins anew, as if nothing was told."""
    _told.clear()
