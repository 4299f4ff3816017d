"""Tables of numbers as text: aligned for a console, in Markdown for a page."""

import unicodedata
from collections.abc import Mapping, Sequence

from jaxrepro.core.files.places import Place
from jaxrepro.core.run.spread import STD, parts_by_name

Rows = Sequence[Sequence[str]]


def number(value: float | None, digits: int, std: float | None = None) -> str:
    """Returns "28.31", with a spread "28.31 ± 0.42"; "-" for a value that there is not."""
    if value is None:
        return "-"
    return f"{value:.{digits}f}" + ("" if std is None else f" ± {std:.{digits}f}")


def aligned(head: Sequence[str], rows: Rows) -> str:
    """Returns columns two blanks apart, a rule below the head; numbers are at the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    right = [all(_is_number(row[i]) for row in rows) for i in range(len(head))]
    return "\n".join("  ".join(map(_padded, line, widths, right)).rstrip() for line in lines)


def markdown(head: Sequence[str], rows: Rows) -> str:
    """Returns a table of Markdown; columns of numbers are at the right.

    A bar in a cell is escaped, a line break becomes a blank.
    """

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(_escaped(cell) for cell in cells)} |"

    right = [all(_is_number(row[i]) for row in rows) for i in range(len(head))]
    rule = " | ".join("---:" if numbers else "---" for numbers in right)
    return "\n".join([line(head), f"| {rule} |", *map(line, rows)])


def print_results(results: Mapping[str, float], workdir: Place, step: int | None = None) -> None:
    """Prints the final measurements of a run and where its files are."""
    from jaxrepro.core.reports.console import RunConsole, table_of_names

    console = RunConsole()
    if results:
        title = f"{workdir}" + (f", step {step}" if step is not None else "")
        table = table_of_names("measurement", "value", title=title)
        for name, parts in parts_by_name(results).items():
            table.add_row(name, f"{results[name]:.4g}{_spread(results, parts)}")
        console.print(table)
    console.print(f"workdir {workdir}: metrics.jsonl, tb/, samples/, checkpoints/")


def _spread(results: Mapping[str, float], parts: Mapping[str, str]) -> str:
    """Returns the standard deviation over the seeds of a run over several, else ""."""
    if STD not in parts:
        return ""
    return f" ± {results[parts[STD]]:.2g} ({len(parts) - 1} seeds)"


def _width(text: str) -> int:
    """Returns the columns of a terminal that `text` takes: two for a wide character."""
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _padded(text: str, width: int, right: bool) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if right else text + blanks


def _is_number(text: str) -> bool:
    return not set(text) - set("0123456789+-±.,% inf")


def _escaped(cell: str) -> str:
    return " ".join(cell.split()).replace("|", "\\|")
