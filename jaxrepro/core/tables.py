"""Results as a table on the console."""

import pathlib
from collections.abc import Mapping


def print_results(
    results: Mapping[str, float], workdir: pathlib.Path, step: int | None = None
) -> None:
    """Prints the final measurements of a run and where its files are."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if results:
        title = f"{workdir}" + (f", step {step}" if step is not None else "")
        table = Table("measurement", "value", title=title)
        for name, value in results.items():
            table.add_row(name, f"{value:.4g}")
        console.print(table)
    console.print(f"workdir {workdir}: metrics.jsonl, tb/, samples/, checkpoints/", markup=False)
