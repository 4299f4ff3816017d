"""JSON that every reader takes, without numbers that are not finite, and the digest of JSON."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from jaxrepro.core.files.places import Place
from jaxrepro.core.files.whole_files import write_atomically


def write_strict_json(path: Place, value: Mapping[str, Any]) -> None:
    """Writes `value` to `path`, whole or not at all, with null for infinities and NaN.

    value: of str, int, float, bool, None, lists, tuples and mappings. Raises InputError where the
    file cannot be written.
    """
    write_atomically(path, f"{json_text(value, indent=2)}\n".encode())


def json_text(value: Any, indent: int | None = None) -> str:
    """Returns a value as JSON that every reader takes, with null for infinities and NaN.

    All that is written to a file goes through here. indent: as of `json.dumps`.
    """
    return json.dumps(without_infinities(value), indent=indent, allow_nan=False)


def number_of(value: Any) -> Any:
    """Returns NaN for the null that `json_text` wrote for a number, else `value`."""
    return math.nan if value is None else value


def json_digest(value: Any) -> str:
    """Returns the SHA-256 of a JSON value, the same however it is laid out in a file."""
    plain = json.loads(json_text(value))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def parse_json(text: str | bytes) -> Any:
    """Returns the value of a JSON text of any origin; raises ValueError if it is none."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def without_infinities(value: Any) -> Any:
    """Returns `value` with None in place of every infinity and NaN in it."""
    if isinstance(value, Mapping):
        return {key: without_infinities(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_infinities(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
