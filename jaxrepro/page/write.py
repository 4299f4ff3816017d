"""Puts a page together and writes it."""

import importlib.resources
import os
import pathlib
import sys
import traceback
import urllib.parse
from collections.abc import Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, is_remote
from jaxrepro.core.files.whole_files import write_atomically
from jaxrepro.core.run import workdir as files
from jaxrepro.core.task import References
from jaxrepro.page import published
from jaxrepro.page.numbers import deviation, number, time
from jaxrepro.page.pictures import read_pictures
from jaxrepro.page.records import Run, read_run
from jaxrepro.page.summary import summarize

_LINKED = (
    (files.CONFIG, "all settings"),
    (files.RUN, "starts, commands, devices, versions"),
    (files.METRICS, "every logged number"),
    (files.RESULTS, "final results"),
    (files.EVALUATIONS, "later evaluations"),
    (files.MODEL_CARD, "the model without its weights"),
    (files.GUARD, "reports of the guard"),
    (files.SAMPLES, "pictures"),
    (files.CHECKPOINTS, "states to continue from"),
    ("tb", "TensorBoard event files"),
    ("debug", "the state at a failure"),
)

# Rows without a description that stay among those with one.
_MANY = 12


def write_page(workdir: Place, references: References | None, output: Place | None = None) -> Place:
    """Returns the path of the page it wrote: `output`, or page.html in `workdir`.

    Reads only files of `workdir`, of a finished run or a live one. The page is one file that
    loads nothing. Raises InputError if the workdir is not of a run, a file in it is damaged or
    the page cannot be written.
    """
    output = workdir / files.PAGE if output is None else output
    page = render(read_run(workdir), references, output)
    # Names that are not UTF-8 are shown with escapes.
    write_atomically(output, page.encode("utf-8", "backslashreplace"))
    return output


def draw_after_run(workdir: Place, references: References | None) -> bool:
    """Returns whether the page was written; says on stderr why not.

    For the end of a command whose results are kept already: they are not lost with the page.
    """
    try:
        print(f"page {write_page(workdir, references)}")
    except Exception as error:
        if not isinstance(error, InputError):
            traceback.print_exc()
        print(
            f"error: what was measured is kept in {workdir}, but the page was not drawn: {error}; "
            f"draw it with python -m jaxrepro.report --workdir={workdir}",
            file=sys.stderr,
        )
        return False
    return True


def render(run: Run, references: References | None, output: Place) -> str:
    """Returns the page as HTML; links are relative to the folder of `output`."""
    # Matplotlib, a quarter of what a command would otherwise import before it can say anything.
    from jaxrepro.page import curves

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": number,
        "deviation": deviation,
        "time": time,
        "markup": Markup,
    }
    environment.globals["link"] = lambda name: _link(run.workdir / name, output)
    environment.globals["parted"] = parted
    resources = importlib.resources.files("jaxrepro.page")
    template = environment.from_string((resources / "page.html.jinja").read_text("utf-8"))
    pictures, left_out = read_pictures(run.workdir / files.SAMPLES)
    return template.render(
        style=Markup((resources / "page.css").read_text("utf-8")),
        run=run,
        summary=summarize(run),
        citation=references.citation if references else "",
        results=published.results(run.final, run, references) if run.final else [],
        repeated=[(m, published.results(m, run, references)) for m in run.repeated[::-1]],
        comparisons=published.comparisons(run, references) if references else [],
        pictures=pictures,
        pictures_left_out=left_out,
        evaluation_plots=curves.evaluation_plots(run, references),
        training_groups=curves.training_groups(run),
        spectra=curves.spectra(run),
        settings=_settings(run),
        linked=[(name, what) for name, what in _LINKED if (run.workdir / name).exists()],
    )


def parted(rows: Sequence[Any], field: str) -> tuple[list[Any], list[Any]]:
    """Returns (rows to show, rows to fold away): many that have no `field` beside some that do."""
    without = [row for row in rows if not getattr(row, field)]
    if len(without) < _MANY or len(without) == len(rows):
        return list(rows), []
    return [row for row in rows if getattr(row, field)], without


def _link(path: Place, output: Place) -> str:
    if is_remote(path) != is_remote(output):
        return urllib.parse.quote(str(path), safe=":/")
    relative = os.path.relpath(path.absolute(), output.absolute().parent)
    # A name with a colon would be taken for a scheme.
    return "./" + urllib.parse.quote(pathlib.PurePath(relative).as_posix())


def _settings(run: Run) -> dict[str, list[tuple[str, Any]]]:
    """Returns the config's leaves by section; those without one are "run"."""
    sections: dict[str, list[tuple[str, Any]]] = {}
    for key, value in run.config.items():
        section = key.partition(".")[0] if "." in key else "run"
        sections.setdefault(section, []).append((key, value))
    return sections
