"""A page of a run that goes on: it loads itself again, and is drawn when there is time."""

import json

import pytest

from jaxrepro import page
from jaxrepro.page import live


@pytest.fixture
def workdir(tmp_path):
    config = {"task": "biggan", "train": {"total_steps": 30}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def started(workdir, **more):
    start = {"time": "2026-11-20T10:00:00+00:00", "step": 0, "command": ["python"]} | more
    (workdir / "run.json").write_text(json.dumps({"starts": [start]}))
    return page.write_page(workdir, None).read_text()


def test_a_page_loads_itself_again_until_the_run_has_ended(workdir):
    refresh = '<meta http-equiv="refresh" content="60">'
    assert refresh in started(workdir)
    ended = {"ended": "2026-11-20T11:00:00+00:00", "message": ""}
    for outcome in ("failed", "stopped"):
        assert refresh not in started(workdir, **ended, outcome=outcome)
    (workdir / "results.json").write_text(json.dumps({"step": 30, "results": {}}))
    assert refresh not in started(workdir)
    # Of a run that nobody recorded nobody knows that it goes on.
    (workdir / "results.json").unlink()
    (workdir / "run.json").unlink()
    assert refresh not in page.write_page(workdir, None).read_text()


def test_drawing_takes_a_hundredth_of_the_time(workdir, monkeypatch):
    now, drawn, cost = [100.0], [], [0.125]

    def draw(*given):
        drawn.append((now[0], given))
        now[0] += cost[0]

    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(live, "write_page", draw)
    written = page.LivePage(workdir, None, [("x", "y")])

    def until(second):
        while now[0] < second:
            written()
            now[0] += 1.0

    until(200)
    # At once, then every 30 seconds while that costs nothing.
    assert [round(at) for at, _ in drawn] == [100, 130, 160, 190]
    assert drawn[0][1] == (workdir, None, None, [("x", "y")])
    cost[0] = 4.0
    drawn.clear()
    until(1100)
    assert [round(at) for at, _ in drawn][:2] == [220, 624]


def test_what_stops_the_drawing_does_not_stop_the_run(workdir, capsys):
    (workdir / "run.json").write_text("{")
    written = page.LivePage(workdir, None)
    written()
    written()
    error = capsys.readouterr().err
    assert error.count("the page is not drawn while the run goes on: ") == 1 and "run.json" in error
    assert not (workdir / "page.html").exists()
