"""Lists the claims of the papers with what became of them, and measures them again.

  python -m jaxrepro.claims                     # all claims and their statuses
  python -m jaxrepro.claims --run='srcnn/*' --minutes=60   # measures what has no record
  python -m jaxrepro.claims --write             # the tables of all pages
  python -m jaxrepro.claims --check             # whether a page is stale

--run stops after --minutes and continues at the next call; --again measures what has a record too.
With --claims=FILE.py the claims are those of a file of yours, which has a tuple CLAIMS.
"""

import fnmatch
import pathlib
import sys

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string("run", None, "Claims to measure: a name, or a pattern such as 'srcnn/*'.")
    flags.DEFINE_float("minutes", None, "With --run: when to stop; the same call continues.")
    flags.DEFINE_bool("again", False, "With --run: measure also what has a record.")
    flags.DEFINE_bool("write", False, "Write the blocks of all pages from the records.")
    flags.DEFINE_bool("check", False, "Fail if a page, a status or a pointer is stale.")
    flags.DEFINE_string("claims", None, "A Python file of your own with a tuple CLAIMS.")
    flags.DEFINE_string("results", "benchmarks/results", "Folder of the records.")
    flags.DEFINE_string("data", None, "With --run: the folder of data that claims name.")
    flags.DEFINE_string("runs", "runs/claims", "Folder of the runs that --run makes.")
    flags.DEFINE_string("page", None, "With --write and --claims: the HTML page to write.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    from jaxrepro import papers
    from jaxrepro.evidence import listing, running
    from jaxrepro.evidence.records import read_record

    if args.claims:
        claims = listing.claims_of_file(pathlib.Path(args.claims))
    else:
        claims = papers.all_claims()
    results = pathlib.Path(args.results)
    if not results.is_dir() and not args.claims:
        raise InputError(f"no folder {results}: give --results, or call this in the checkout")
    if args.minutes is not None and not args.run:
        raise InputError("--minutes goes with --run, such as --run='srcnn/*'")
    if args.run:
        chosen = [claim for claim in claims if fnmatch.fnmatch(claim.name, args.run)]
        if not chosen:
            raise InputError(
                f"no claim is called {args.run}; the claims are "
                f"{', '.join(claim.name for claim in claims)}"
            )
        jobs = running.jobs_of(
            chosen, results, pathlib.Path(args.runs), data=args.data, again=args.again
        )
        waiting = [
            f"{record.claim.name}, {arm.label}"
            for record in (read_record(claim, results) for claim in chosen)
            for arm in record.missing
            if arm.needs_data and not args.data
        ]
        if waiting:
            print(f"left out, for they need --data: {'; '.join(waiting)}")
        failed = running.run_jobs(jobs, results, minutes=args.minutes)
        for record in (read_record(claim, results) for claim in chosen):
            verdict = record.verdict()
            print(f"{record.claim.name}: {verdict.status}; {verdict.because}")
        if failed:
            sys.exit(1)
        return
    records = [read_record(claim, results) for claim in claims]
    if args.write or args.check:
        titles = papers.titles()
        pages = (
            listing.own_page(records, titles, args.page)
            if args.claims
            else (listing.pages(records, titles, pathlib.Path()))
        )
        _finish(pages, write=args.write)
        return
    print(listing.as_text(records))


def _finish(pages: "dict[pathlib.Path, str]", *, write: bool) -> None:
    """Writes the pages, or fails where one is not as it would be written."""
    from jaxrepro.core.files.whole_files import write_atomically

    stale = [
        path for path, text in pages.items() if not path.exists() or path.read_text("utf-8") != text
    ]
    if write:
        for path in stale:
            write_atomically(path, pages[path].encode("utf-8"))
        print(f"{len(pages)} pages, {len(stale)} written: {', '.join(map(str, stale)) or 'none'}")
    elif stale:
        names = ", ".join(map(str, stale))
        raise InputError(f"stale: {names}; make them anew with python -m jaxrepro.claims --write")


if __name__ == "__main__":
    cli.run(define_flags, main)
