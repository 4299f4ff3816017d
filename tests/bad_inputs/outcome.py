"""What became of a case, and when that is right."""

import dataclasses
import hashlib
import os
import pathlib
import re

from tests.bad_inputs.case import Case

REFUSED, HARMLESS, SAID, FAILED = "refused", "harmless", "said", "failed"
# Of the commands' own line; libraries' lines begin otherwise.
_PREFIX = "error: "
_LONGEST = 1500


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a command did.

    status: of its exit, None where it was stopped. message: its line of error. complaint: what is
    wrong with that, "" if nothing is.
    """

    kind: str
    name: str
    result: str
    status: int | None
    message: str
    complaint: str
    seconds: float


def judge(
    case: Case,
    status: int | None,
    errors: str,
    crash: str,
    changed: list[str],
    seconds: float,
    printed: str,
) -> Outcome:
    """Returns the outcome of a case.

    status: of the exit. errors, printed: what was written to stderr and stdout. crash: an
    exception that came out, or the limit that was passed. changed: files that are other than
    before.
    """
    lines = errors.splitlines()
    complaints = []
    if crash:
        complaints.append(crash)
    elif status == 0 and case.said:
        missing = [text for text in _texts(case.said) if text not in errors + printed]
        if missing:
            complaints.append(f"goes on and does not say {', '.join(map(repr, missing))}")
    elif status == 0:
        if case.certain:
            complaints.append("accepted")
        if errors:
            complaints.append("accepted, with lines on stderr")
    else:
        complaints += _complaints_of_message(case, status, lines)
        if changed:
            complaints.append(f"files changed: {', '.join(changed[:4])}")
    if "Traceback (most recent call last)" in errors + printed:
        complaints.append("stack trace")
    accepted = SAID if case.said else HARMLESS
    result = FAILED if complaints else accepted if status == 0 else REFUSED
    message = " | ".join(lines)[:_LONGEST]
    return Outcome(
        case.kind, case.name, result, status, message, "; ".join(complaints), round(seconds, 3)
    )


def _complaints_of_message(case: Case, status: int | None, lines: list[str]) -> list[str]:
    found = []
    if status not in (1, 2):
        found.append(f"exit status {status}")
    if len(lines) != 1:
        found.append(f"{len(lines)} lines on stderr")
    elif not lines[0].startswith(_PREFIX):
        found.append(f"the line does not begin with {_PREFIX!r}")
    elif len(lines[0]) > _LONGEST:
        found.append(f"the line has {len(lines[0])} characters")
    elif missing := [name for name in _texts(case.names) if name not in lines[0]]:
        found.append(f"the line does not name {', '.join(map(repr, missing))}")
    elif re.search(r" at 0x[0-9a-f]{8,}", lines[0]):
        found.append("the line has an address of memory")
    return found


def _texts(given: str | tuple[str, ...]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else given


def listing(folder: pathlib.Path, left_out: tuple[str, ...]) -> dict[str, str]:
    """Returns everything below a folder by name: the hash of a file, else what it is."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] in left_out:
            continue
        if path.is_symlink():
            found[name] = f"link to {os.readlink(path)}"
        elif path.is_dir():
            found[name] = "folder"
        elif not os.access(path, os.R_OK):
            found[name] = f"unreadable, {path.stat().st_size} bytes"
        else:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Returns the names that are not in both listings with one content."""
    return sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
