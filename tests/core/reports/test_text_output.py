import io
import sys

import pytest

from jaxrepro.core.reports.tables import print_results
from jaxrepro.core.reports.text_output import one_line, take_any_character


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        ("ascii", "é", rb"\xe9"),
        ("utf-8", "caf\udce9", rb"caf\udce9"),
        ("latin-1", "猫", rb"\u732b"),
        ("utf-8", "猫", "猫".encode()),
    ],
)
def test_whatever_a_console_cannot_show_is_an_escape(encoding, text, shown, monkeypatch):
    for name in ("stdout", "stderr"):
        bytes_ = io.BytesIO()
        monkeypatch.setattr(sys, name, io.TextIOWrapper(bytes_, encoding, write_through=True))
        take_any_character()
        print(text, end="", file=getattr(sys, name))
        assert bytes_.getvalue() == shown


def test_an_error_stays_one_line():
    assert one_line("no file a\nb\x1b[0m\udce9 é 猫") == r"no file a\nb\x1b[0m\udce9 é 猫"


LONG = "very_long_name_of_a_set_of_pictures_that_somebody_has_chosen_and_goes_on"


def printed(results, workdir, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    print_results(results, workdir)
    return capsys.readouterr().out


def test_names_are_shown_as_they_are(monkeypatch, capsys):
    for name in ("e[lr=1e-4]", "q[/tmp]", "[bold]x", ":cat:", r"a\[b]"):
        shown = printed({f"{name}/psnr": 1.0}, f"runs/{name}", monkeypatch, capsys)
        assert f" {name}/psnr " in shown
        assert shown.count(f"runs/{name}") == 2


def test_rows_with_long_names_can_be_told_apart(monkeypatch, capsys):
    results = {f"{LONG}/{measure}": 23.456 for measure in ("psnr", "psnr_bicubic", "ssim")}
    shown = printed(results, "run", monkeypatch, capsys)
    assert "…" not in shown and shown.count(" 23.46 ") == 3
    names = "".join(line.split("│")[1].strip() for line in shown.splitlines() if "│" in line)
    assert names == "".join(results)
