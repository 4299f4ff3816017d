"""The claims of all papers or of a user's file, as a list and as the pages that show them."""

import functools
import importlib.util
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

from jaxrepro.core.errors import InputError
from jaxrepro.core.reports.tables import aligned
from jaxrepro.evidence.blocks import COUNTS, all_claims, anchor, claim_block, counts, filled
from jaxrepro.evidence.claim import Claim
from jaxrepro.evidence.records import Record
from jaxrepro.evidence.rules import STATUSES
from jaxrepro.evidence.site import claims_page

# In the checkout; every page may have blocks.
_PAGES = ("README.md", "docs/*.md", "jaxrepro/papers/*/README.md")
LIST, SITE = "docs/claims.md", "docs/claims.html"


def as_text(records: Sequence[Record]) -> str:
    """Returns a line for each claim: status, cost, data; and how many have which status."""
    rows = []
    found = []
    for record in records:
        claim, status = record.claim, record.verdict().status
        found.append(status)
        cost = f"{claim.minutes:g}" if claim.can_run else "-"
        rows.append([claim.name, status, cost, claim.data or "bundled", claim.says])
    summary = ", ".join(f"{found.count(s)} {s}" for s in STATUSES if s in found)
    table = aligned(["claim", "status", "minutes", "data", "says"], rows)
    return f"{table}\n\n{len(records)} claims: {summary or 'none'}"


def pages(
    records: Sequence[Record], titles: Mapping[str, str], root: pathlib.Path
) -> dict[pathlib.Path, str]:
    """Returns every page of the checkout that shows claims, as it has to be.

    titles: of the papers. root: of the checkout. Raises InputError for a block of a claim that is
    not there, and for a parity test that is not.
    """
    by_name = {record.claim.name: record for record in records}
    for record in records:
        _check_tests(record.claim, root)

    def content(name: str, path: pathlib.Path) -> str:
        if name == COUNTS:
            return counts(records)
        if name not in by_name:
            raise InputError(f"no claim {name}; the claims are {', '.join(by_name)}")
        page = pathlib.PurePath(os.path.relpath(root / LIST, path.parent)).as_posix()
        return claim_block(by_name[name], page + anchor(name))

    found = {}
    for path in sorted(path for pattern in _PAGES for path in root.glob(pattern)):
        text = path.read_text("utf-8")
        if "<!-- claim" in text:
            found[path] = _filled(text, functools.partial(content, path=path), path)
    found[root / LIST] = all_claims(records, titles)
    found[root / SITE] = claims_page(records, titles)
    return found


def own_page(
    records: Sequence[Record], titles: Mapping[str, str], page: str | None
) -> dict[pathlib.Path, str]:
    """Returns the page of a user's claims. Raises InputError where no `page` is named."""
    if not page:
        raise InputError("name the page to write, such as --page=claims.html")
    return {pathlib.Path(page): claims_page(records, titles)}


def claims_of_file(path: pathlib.Path) -> tuple[Claim, ...]:
    """Returns the tuple CLAIMS of a Python file, which is run.

    Raises InputError if there is no such file, or no claims in it.
    """
    if not path.is_file():
        raise InputError(f"--claims={path}: no such file")
    spec = importlib.util.spec_from_file_location("own_claims", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return checked(getattr(module, "CLAIMS", None), str(path))


def checked(claims: object, where: str) -> tuple[Claim, ...]:
    """Returns `claims`; raises InputError unless it is a tuple of claims of different names."""
    if not isinstance(claims, tuple) or not all(isinstance(claim, Claim) for claim in claims):
        raise InputError(f"{where} has no tuple CLAIMS of jaxrepro.evidence.claim.Claim")
    names = [claim.name for claim in claims]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{where}: two claims are called {', '.join(twice)}")
    return claims


def _filled(text: str, content: Callable[[str], str], path: pathlib.Path) -> str:
    try:
        return filled(text, content, str(path))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _check_tests(claim: Claim, root: pathlib.Path) -> None:
    for test in claim.parity:
        file, _, name = test.partition("::")
        path = root / file
        if not path.is_file() or f"def {name.partition('[')[0]}(" not in path.read_text("utf-8"):
            raise InputError(f"claim {claim.name}: no test {test}")
