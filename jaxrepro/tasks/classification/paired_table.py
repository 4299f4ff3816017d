"""Finished runs of classifiers beside each other, paired by their seeds."""

from collections.abc import Sequence

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, exists
from jaxrepro.core.reports.tables import markdown, number
from jaxrepro.core.run.spread import parts_by_name
from jaxrepro.core.run.workdir import RESULTS, read_json
from jaxrepro.evidence.rules import Values, difference_interval

_SEED = "seed"


def paired_table(workdirs: Sequence[Place], columns: Sequence[tuple[str, str, int]]) -> str:
    """Returns a table in Markdown, a line a run, the first run being what others are set beside.

    columns: (name of a result, its heading, digits); the first is the one that differences are of.
    They are taken seed by seed where both runs have the same seeds, and the interval is that of
    their mean at 95 % (Student's t); otherwise it is Welch's. Raises InputError for a folder
    without a finished run, or one that did not measure a result.
    """
    measured = [{name: _values(folder, name) for name, *_ in columns} for folder in workdirs]
    (name, heading, digits), rows = columns[0], []
    for folder, values in zip(workdirs, measured, strict=True):
        cells = [number(values[n].mean, d, values[n].std) for n, _, d in columns]
        seeds = ", ".join(f"{x:.{digits}f}" for x in values[name].by_seed.values())
        rows.append([folder.name, *cells, seeds, _difference(values[name], measured[0][name])])
    head = ["run", *(heading for _, heading, _ in columns), f"{heading}, each seed"]
    return markdown([*head, f"less that of {workdirs[0].name}, 95 %"], rows)


def _difference(values: Values, first: Values) -> str:
    if values is first:
        return "-"
    if values.once or first.once:
        return f"{values.mean - first.mean:+.2f} (one seed)"
    low, high = difference_interval(values, first)
    return f"{values.mean - first.mean:+.2f} [{low:+.2f}, {high:+.2f}]"


def _values(folder: Place, name: str) -> Values:
    """Returns a result of a finished run by seed; seed 0 for a run of one."""
    if not exists(folder / RESULTS):
        raise InputError(f"{folder} holds no finished run: there is no {RESULTS}")
    results = read_json(folder / RESULTS).get("results")
    if not isinstance(results, dict) or not isinstance(results.get(name), int | float):
        raise InputError(f"{folder / RESULTS} has no number {name}; give runs of a classifier")
    by_seed: dict[int | None, float] = {
        int(part.removeprefix(_SEED)): results[full]
        for part, full in parts_by_name(results)[name].items()
        if part.startswith(_SEED)
    }
    return Values(by_seed or {0: results[name]})
