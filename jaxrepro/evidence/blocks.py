"""Claims in Markdown: blocks of a README, counts by status, and the page of all claims."""

import re
from collections.abc import Callable, Mapping, Sequence

from jaxrepro.core.errors import InputError
from jaxrepro.core.reports.tables import markdown, number
from jaxrepro.evidence.claim import Arm, Claim, Result
from jaxrepro.evidence.records import Record
from jaxrepro.evidence.rules import STATUSES

COUNTS = "counts"
_BLOCK = re.compile(r"^<!-- claims?: ([^\n]*?) -->\n(.*?)^<!-- end -->$", re.MULTILINE | re.DOTALL)
_START = re.compile(r"^<!-- claims?: ", re.MULTILINE)
# What is said of a figure that nobody of the project has read in the paper.
_QUOTED = {"read": "", "second hand": ", quoted second hand", "memory": ", from memory"}


def filled(text: str, content: Callable[[str], str], where: str) -> str:
    """Returns a page with what stands between `<!-- claim: NAME -->` and `<!-- end -->` made anew.

    content: from the name in a block to its Markdown. where: the page, for messages.

    Raises InputError for a block without an end, and what `content` raises.
    """
    if len(_BLOCK.findall(text)) != len(_START.findall(text)):
        raise InputError(f"{where}: a block <!-- claim: --> has no <!-- end --> of its own")
    return _BLOCK.sub(
        lambda found: found[0].partition("\n")[0] + f"\n{content(found[1])}\n<!-- end -->", text
    )


def claim_block(record: Record, details: str = "") -> str:
    """Returns a claim in Markdown: its status, the table of its arms, how to measure it again.

    details: a link to where source, rule, tests and commands stand, which are then left out.
    """
    claim, verdict = record.claim, record.verdict()
    parts = [f"{claim.says} **{verdict.status.capitalize()}**: {verdict.because}."]
    if claim.arms:
        parts.append(table_of(record))
    parts.append(" ".join(_in_short(claim, details) if details else _sentences(record)))
    return "\n\n".join(["", *parts, ""]).strip("\n")


def table_of(record: Record) -> str:
    """Returns the table of a claim's arms: mean ± std over seeds, published values beside."""
    claim = record.claim
    columns: list[tuple[Result, bool]] = []
    for result in claim.results:
        columns.append((result, False))
        if result.name in claim.with_published:
            columns.append((result, True))
    head = ["arm", *(f"{r.heading}, published" if p else r.heading for r, p in columns), "seeds"]
    return markdown(head, [_row(record, arm, columns) for arm in claim.arms])


def counts(records: Sequence[Record]) -> str:
    """Returns the table of statuses by paper."""
    by_paper: dict[str, list[str]] = {}
    for record in records:
        by_paper.setdefault(record.claim.paper, []).append(record.verdict().status)
    rows = [
        [paper, *(str(found.count(status)) for status in STATUSES), str(len(found))]
        for paper, found in [*by_paper.items(), ("all", [s for f in by_paper.values() for s in f])]
    ]
    return markdown(["paper", *STATUSES, "claims"], rows)


def all_claims(records: Sequence[Record], titles: Mapping[str, str]) -> str:
    """Returns the page of all claims. titles: of the papers, by their folders."""
    parts = [
        "# Claims",
        "Written by `python -m jaxrepro.claims --write`; a test compares it with the records. What "
        "the statuses mean is in [evidence.md](evidence.md).",
        counts(records),
    ]
    for paper in dict.fromkeys(record.claim.paper for record in records):
        own = [record for record in records if record.claim.paper == paper]
        parts += [f'<a id="{paper}"></a>', f"## {titles.get(paper, paper)}"]
        for record in own:
            parts += [f"### {record.claim.name}", claim_block(record)]
    return "\n\n".join(parts) + "\n"


def _row(record: Record, arm: Arm, columns: Sequence[tuple[Result, bool]]) -> list[str]:
    cells = [arm.label]
    num_seeds = 0
    for result, is_published in columns:
        values = record.values(arm.label, result.name)
        if is_published:
            cells.append(number(arm.published.get(result.name), result.digits))
        elif values is None:
            cells.append("-")
        else:
            num_seeds = max(num_seeds, 0 if None in values.by_seed else len(values.by_seed))
            # What no seed changes, such as the number of parameters, has no spread.
            cells.append(number(values.mean, result.digits, values.std or None))
    return [*cells, str(num_seeds or "-")]


def anchor(name: str) -> str:
    """Returns how a link names a claim's heading on the page of all claims."""
    return f"#{name.replace('/', '')}"


def _in_short(claim: Claim, details: str) -> list[str]:
    more = f"[Source, {'rule' if claim.rule else 'tests'} and command]({details})."
    return [text for text in (claim.protocol, claim.note, more) if text]


def _sentences(record: Record) -> list[str]:
    claim: Claim = record.claim
    found = [claim.protocol] if claim.protocol else []
    found.append(f"Source: {claim.source}{_QUOTED[claim.quoted]}.")
    if claim.rule is not None:
        found.append(f"Rule: {claim.rule.in_words()}.")
    if claim.without:
        found.append(f"Lacking: {claim.without}.")
    if claim.parity:
        found.append("Tests: " + ", ".join(f"`{test}`" for test in claim.parity) + ".")
    if claim.note:
        found.append(claim.note)
    commands = {label: arm.command for label, arm in record.arms.items() if arm.command}
    if any(arm.run or arm.verb for arm in claim.arms):
        found.append(f"Again: `python -m jaxrepro.claims --run={claim.name}`.")
    elif commands:
        found.append(
            "Measured by " + ", ".join(f"`{c}`" for c in dict.fromkeys(commands.values())) + "."
        )
    return found
