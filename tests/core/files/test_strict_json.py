import json
import math
import pathlib
import re

import pytest

import jaxrepro
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.strict_json import write_strict_json


def test_the_package_writes_no_other_json():
    """Others make digests and keys, or send values between processes."""
    package = pathlib.Path(jaxrepro.__file__).parent
    own = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"\bjson\.dumps?\b", path.read_text())
    }
    assert own == {
        "core/config.py",
        "core/files/strict_json.py",
        "metrics/classifier/cache.py",
        "metrics/samples/feature_set.py",
        "papers/scfegan/faces/derived_maps.py",
        "train.py",
    }


def test_numbers_that_are_not_finite_are_null(tmp_path):
    value = {"a": math.inf, "b": [1.5, math.nan, {"c": (-math.inf, 2, True, None, "inf")}]}
    write_strict_json(tmp_path / "new" / "x.json", value)
    text = (tmp_path / "new" / "x.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": None,
        "b": [1.5, None, {"c": [None, 2, True, None, "inf"]}],
    }
    assert text.endswith("}\n")
    with pytest.raises(InputError, match="cannot write"):
        write_strict_json(tmp_path / "new" / "x.json" / "y.json", {})
