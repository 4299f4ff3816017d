import json

import pytest

from jaxrepro import report
from jaxrepro.core.errors import InputError


class Flags:
    def __init__(self, workdir=None, output=None):
        self.workdir, self.output = workdir, output


def test_a_page_of_a_run_whose_data_are_elsewhere(tmp_path, capsys):
    config = {"task": "biggan", "data": {"source": "folder:nowhere", "split": "train"}}
    config |= {"train": {"total_steps": 3}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    report.main(Flags(str(tmp_path), str(tmp_path / "out" / "a.html")))
    assert "no published figures on the page" in capsys.readouterr().out
    assert "0 of 3 updates" in (tmp_path / "out" / "a.html").read_text()


def test_bad_folders(tmp_path):
    with pytest.raises(InputError, match="no workdir given"):
        report.main(Flags())
    with pytest.raises(InputError, match="is not the workdir of a run"):
        report.main(Flags(str(tmp_path)))
