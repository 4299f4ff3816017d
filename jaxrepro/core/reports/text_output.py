"""What is printed can be printed: no character of a user's names ends a command."""

import io
import sys


def take_any_character() -> None:
    """Makes standard output and error show what they cannot encode as escapes, such as \\u00e9.

    Names of files that are not UTF-8, and consoles that know ASCII alone. Lines of standard output
    come out at once, also in a file.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)


def one_line(text: str) -> str:
    """Returns `text` with escapes for what does not show in a line: a line break, half a letter."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )
