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
from jaxrepro.page import curves, published
from jaxrepro.page.numbers import deviation, number, time
from jaxrepro.page.pictures import read_pictures
from jaxrepro.page.published import Result
from jaxrepro.page.records import Run, read_run
from jaxrepro.page.summary import changed_settings, continuation, summarize

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
    ("tb", "event files, shown by: tensorboard --logdir=tb (of jaxrepro[tensorboard])"),
    ("debug", "the state at a failure"),
)

# Results that are shown; the others are folded away, unless they are hardly more.
_SHOWN_RESULTS = 4
_LATER_EVALUATIONS = 10
# Commands that are shown; the others are folded away.
_SHOWN_STEPS = 3

NextSteps = Sequence[tuple[str, str]]


def write_page(
    workdir: Place,
    references: References | None,
    output: Place | None = None,
    next_steps: NextSteps = (),
) -> Place:
    """Returns the path of the page it wrote: `output`, or page.html in `workdir`.

    next_steps: (what it does, command), beside what continues the run. Reads only files of
    `workdir`, of a finished run or a live one. The page is one file that loads nothing. Raises
    InputError if the workdir is not of a run, a file in it is damaged or the page cannot be
    written.
    """
    output = workdir / files.PAGE if output is None else output
    page = render(read_run(workdir), references, output, next_steps)
    # Names that are not UTF-8 are shown with escapes.
    write_atomically(output, page.encode("utf-8", "backslashreplace"))
    return output


def draw_after_run(
    workdir: Place, references: References | None, next_steps: NextSteps = ()
) -> bool:
    """Returns whether the page was written; says on stderr why not.

    For the end of a command whose results are kept already: they are not lost with the page.
    """
    try:
        print(f"page {write_page(workdir, references, next_steps=next_steps)}")
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


def render(
    run: Run, references: References | None, output: Place, next_steps: NextSteps = ()
) -> str:
    """Returns the page as HTML; links are relative to the folder of `output`."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": number,
        "deviation": deviation,
        "time": time,
        "markup": Markup,
        "by_protocol": by_protocol,
        "folded": folded,
        "verb": _verb,
    }
    environment.globals["link"] = lambda name: _link(run.workdir / name, output)
    resources = importlib.resources.files("jaxrepro.page")
    template = environment.from_string((resources / "page.html.jinja").read_text("utf-8"))
    known = references or References()
    pictures, left_out = read_pictures(run.workdir / files.SAMPLES, known.captions)
    results = published.results(run, references)
    first = published.headline(results, references)
    if first is not None:
        results.sort(key=lambda row: row.name != first.name)
    continuing = continuation(run)
    training = [plot for group in curves.training_groups(run) for plot in group.plots]
    evaluated = curves.evaluation_plots(run, references)
    if first is not None:
        evaluated.sort(key=lambda plot: plot.title != published.quantity(first.name))
    return template.render(
        style=Markup((resources / "page.css").read_text("utf-8")),
        run=run,
        summary=summarize(run),
        citation=known.citation,
        headline=first,
        worse=published.worse_than_baselines(results, first),
        results=results,
        repeated=[
            (later, published.measured_rows(later, run, known).values())
            for later in run.repeated[: -_LATER_EVALUATIONS - 1 : -1]
        ],
        next_steps=[*filter(None, [continuing]), *next_steps],
        num_shown_steps=_SHOWN_STEPS,
        pictures=pictures,
        pictures_left_out=left_out,
        evaluation_plots=evaluated,
        training_plots=training,
        spectra=curves.spectra(run),
        changed=changed_settings(run),
        settings=_settings(run),
        linked=[(name, what) for name, what in _LINKED if (run.workdir / name).exists()],
    )


def folded(rows: Sequence[Result]) -> tuple[list[Result], list[Result]]:
    """Returns (rows to show, rows to fold away), each in their order.

    The first is shown, then those with something beside them, then those with a meaning; the others
    only where none has one.
    """
    if len(rows) <= _SHOWN_RESULTS + 2:
        return list(rows), []
    places = range(len(rows))
    ranks = [(i > 0, not (r.baselines or r.published), not r.meaning) for i, r in enumerate(rows)]
    said = [i for i in places if not all(ranks[i])]
    chosen = said if any(row.meaning for row in rows) else places
    shown = set(sorted(chosen, key=lambda i: (ranks[i], i))[:_SHOWN_RESULTS])
    return [rows[i] for i in places if i in shown], [rows[i] for i in places if i not in shown]


def by_protocol(rows: Sequence[Result]) -> list[tuple[tuple[str, int | None], list[Result]]]:
    """Returns the rows by what they were measured on and after which update, in their order."""
    groups: dict[tuple[str, int | None], list[Result]] = {}
    for row in rows:
        groups.setdefault((row.measured_on, row.step), []).append(row)
    return list(groups.items())


def _verb(command: str) -> str:
    """Returns the last word of the module that a command runs: "sample"."""
    return command.partition("python -m ")[2].partition(" ")[0].rpartition(".")[2]


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
