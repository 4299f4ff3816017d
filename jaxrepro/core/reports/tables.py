"""Results as a table on the console."""

from collections.abc import Mapping

from jaxrepro.core.files.places import Place
from jaxrepro.core.run.spread import STD, parts_by_name


def print_results(results: Mapping[str, float], workdir: Place, step: int | None = None) -> None:
    """Prints the final measurements of a run and where its files are."""
    from rich.table import Table

    from jaxrepro.core.reports.console import RunConsole

    console = RunConsole()
    if results:
        title = f"{workdir}" + (f", step {step}" if step is not None else "")
        table = Table("measurement", "value", title=title)
        for name, parts in parts_by_name(results).items():
            table.add_row(name, f"{results[name]:.4g}{_spread(results, parts)}")
        console.print(table)
    console.print(f"workdir {workdir}: metrics.jsonl, tb/, samples/, checkpoints/", markup=False)


def _spread(results: Mapping[str, float], parts: Mapping[str, str]) -> str:
    """Returns the standard deviation over the seeds of a run over several, else ""."""
    if STD not in parts:
        return ""
    return f" ± {results[parts[STD]]:.2g} ({len(parts) - 1} seeds)"
