"""The page of all claims as one HTML file that loads nothing."""

import importlib.resources
from collections.abc import Mapping, Sequence

import jinja2
from markupsafe import Markup

from jaxrepro.core.reports.tables import number
from jaxrepro.evidence.dots import dot_plot
from jaxrepro.evidence.records import Record
from jaxrepro.evidence.rules import STATUSES


def claims_page(records: Sequence[Record], titles: Mapping[str, str]) -> str:
    """Returns the page as HTML: filters by paper and status, every claim to unfold.

    titles: of the papers, by their folders.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {"number": number, "dot_plot": dot_plot}
    resources = importlib.resources.files("jaxrepro.evidence")
    template = environment.from_string((resources / "claims.html.jinja").read_text("utf-8"))
    entries = [(record, record.verdict()) for record in records]
    # What was measured comes first.
    entries.sort(key=lambda entry: STATUSES.index(entry[1].status))
    papers = list(dict.fromkeys(record.claim.paper for record in records))
    return template.render(
        style=Markup((resources / "claims.css").read_text("utf-8")),
        script=Markup((resources / "claims.js").read_text("utf-8")),
        entries=entries,
        papers=[(paper, titles.get(paper, paper)) for paper in papers],
        statuses=[
            (status, sum(verdict.status == status for _, verdict in entries)) for status in STATUSES
        ],
    )
