import json
import math

import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.strict_json import write_strict_json


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
