"""JSON that every reader takes, without numbers that are not finite, and the digest of JSON."""

import hashlib
import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

from jaxrepro.core.files.whole_files import write_atomically


def write_strict_json(path: pathlib.Path, value: Mapping[str, Any]) -> None:
    """Writes `value` to `path`, whole or not at all, with null for infinities and NaN.

    value: of str, int, float, bool, None, lists, tuples and mappings. Raises InputError where the
    file cannot be written.
    """
    text = json.dumps(without_infinities(value), indent=2, allow_nan=False)
    write_atomically(path, f"{text}\n".encode())


def json_digest(value: Any) -> str:
    """Returns the SHA-256 of a JSON value, the same however it is laid out in a file."""
    plain = json.loads(json.dumps(value))
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
