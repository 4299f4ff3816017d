"""The page as a file: its structure, what it shows and when, and what it refuses."""

import html.parser
import importlib.resources
import json
import re

import numpy as np
import pytest
from PIL import Image

from jaxrepro import page
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import place, upload
from jaxrepro.core.files.whole_files import write_png
from jaxrepro.core.run.spread import over_seeds
from jaxrepro.core.task import PublishedCurve, PublishedFigure, References
from jaxrepro.page import write

CONFIG = {
    "task": "biggan",
    "seed": 7,
    "data": {"source": "digits"},
    "model": {"resolution": 16},
    "train": {"total_steps": 40},
}
REFERENCES = References(
    rows=(PublishedFigure("metrics/fid@50000", 8.51, "ImageNet", "the paper"),),
    curves=(PublishedCurve("metrics/fid@50000", ((1000, 90.0), (9000, 9.0)), "ImageNet", "a log"),),
    descriptions={"metrics/fid": "a distance"},
    citation="A & B, 2019",
    after_at={"metrics": "{} samples"},
)


class Parsed(html.parser.HTMLParser):
    """The tags, attributes and text of a page; checks that tags are closed in order."""

    VOID = frozenset({"meta", "img", "link", "br", "input"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text, self.headings = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)
            if self.open[-1] in ("h1", "h2"):
                self.headings.append(data)

    def values(self, attribute):
        return [attrs[attribute] for _, attrs in self.tags if attribute in attrs]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def make(workdir, records=(), pictures=(), config=CONFIG, **files):
    workdir.mkdir(exist_ok=True)
    (workdir / "config.json").write_text(json.dumps(config))
    if records:
        lines = [json.dumps(record) for record in records]
        (workdir / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    for name, value in files.items():
        (workdir / f"{name}.json").write_text(json.dumps(value))
    for number, name in enumerate(pictures):
        rng = np.random.default_rng(number)
        write_png(workdir / "samples" / name, rng.integers(0, 255, (40, 60, 3), np.uint8))
    return workdir


def parsed(workdir, references=None):
    return Parsed(page.write_page(workdir, references).read_text(encoding="utf-8"))


def training(step, **values):
    return {
        "step": step,
        "speed/examples_per_second": 9.0,
        "loss/d": 1.5,
        "logits/real": 1,
        **values,
    }


def full(workdir):
    start = {
        "time": "2026-11-20T10:00:00+00:00",
        "step": 0,
        "command": ["python", "-m", "jaxrepro.train", "--config=configs/x.py:demo"],
        "devices": {"kind": "TPU v3", "platform": "tpu", "count": 8, "processes": 2},
        "versions": {"jax": "0.10.2", "optax": "0.2.8"},
    }
    ended = {"ended": "2026-11-20T13:04:05+00:00", "outcome": "finished", "message": ""}
    later = {"time": "2026-11-20T12:00:00+00:00", "step": 20}
    records = []
    for step in (10, 20, 30, 40):
        records.append(training(step, **{"sigma/g/linear/0": 1.0 + step, "sigma/g/linear/1": 0.5}))
        records.append({"step": step, "metrics/fid@1000:net": 100.0 / step})
    make(
        workdir,
        records,
        [f"samples-sheet-{step:08d}.png" for step in range(5, 41, 5)],
        model={"paper": "biggan"},
        results={"step": 40, "results": {"metrics/fid@1000:net": 2.5}},
        run={"starts": [start, start | later | ended]},
        guard={"events": [{"step": 30, "kind": "collapse", "message": "sigma of linear jumped"}]},
    )
    later = {"step": 20, "time": "2026-11-21T01:02:03+00:00"}
    later["results"] = {"metrics/fid@50000": 4.25}
    (workdir / "evaluations.jsonl").write_text(json.dumps(later) + "\n")
    return workdir


def test_a_full_page_says_what_the_run_was(tmp_path):
    found = parsed(full(tmp_path / "run"), REFERENCES)
    words = found.words
    assert found.headings == [
        "run",
        "Results",
        "What next",
        "Samples",
        "Evaluations over the run",
        "Training",
        "Singular values",
        "The run",
        "Settings",
        "Files",
    ]
    for text in (
        "finished",
        "biggan · configs/x.py:demo",
        "A & B, 2019",
        "40 of 40 updates",
        "8 x TPU v3, 2 processes",
        "jax 0.10.2, optax 0.2.8",
        "python -m jaxrepro.train --config=configs/x.py:demo",
        # The run's number and what follows "@"; the published one, its own and its source.
        "metrics/fid@1000:net 1,000 samples, network net 2.5 8.51 published",
        "metrics/fid@50000 ImageNet. Source: the paper. The protocols differ",
        "metrics/fid@50000 a distance 50,000 samples 4.25 8.51 published",
        "Both: 50,000 samples. They compare where",
        "After 40 updates metrics/fid@1000:net",
        "After 20 updates metrics/fid@50000",
        "2026-11-21 01:02 UTC",
        "published: a log 9",
        "ended without notice",
        "guard: collapse sigma of linear jumped",
        "data.source digits",
    ):
        assert text in words, text
    # Growth 41 / 11, and the last sigma 0 over sigma 1.
    assert "linear 3.727 11 41 82" in words


def test_nothing_is_loaded_and_ids_are_unique(tmp_path):
    workdir = full(tmp_path / "run")
    found = parsed(workdir, REFERENCES)
    ids = found.values("id")
    assert len(ids) >= 9
    assert len(ids) == len(set(ids))
    assert all(source.startswith("data:image/") for source in found.values("src"))
    for link in found.values("href"):
        if link.startswith("#"):
            assert link[1:] in ids
        else:
            assert (workdir / link).exists(), link
    text = (workdir / "page.html").read_text()
    assert "http" not in text.replace('http-equiv="Content', "")
    assert not re.search(r"@import|url\((?!#)", text)
    assert {tag for tag, _ in found.tags} & {"script", "link", "iframe", "object"} == set()
    for reference in re.findall(r"url\(#([^)]+)\)", text):
        assert reference in ids


def test_pictures_have_words_and_sizes(tmp_path):
    found = parsed(full(tmp_path / "run"))
    images = [attrs for tag, attrs in found.tags if tag == "img"]
    assert len(images) == 1 + 6
    assert images[0]["alt"] == "Picture samples-sheet of the run after 40 updates"
    assert (images[0]["width"], images[0]["height"]) == ("60", "40")
    # Each is enlarged by a box that its picture switches, which a keyboard reaches too.
    boxes = [attrs for tag, attrs in found.tags if tag == "input"]
    assert [box["aria-label"] for box in boxes] == [f"Enlarge: {image['alt']}" for image in images]
    # Six of eight, spread evenly, the first and the last among them.
    assert [a["alt"].split()[-2] for a in images[1:]] == ["5", "10", "20", "25", "35", "40"]
    for tag, attrs in found.tags:
        if tag == "svg":
            assert attrs["role"] == "img"
            assert attrs["aria-label"]


SECTIONS = {
    "results": {"results": {"step": 40, "results": {"a/b": 1.0}}},
    "headline": {"pictures": ["x-00000001.png"]},
    "samples": {"pictures": ["x-00000001.png", "x-00000002.png"]},
    "evaluations": {"records": [{"step": 1, "a/b": 1.0}, {"step": 2, "a/b": 2.0}]},
    "training": {"records": [training(1)]},
    "spectra": {"records": [{"step": 1, "sigma/g/a/0": 1.0}]},
}


def sections(found):
    return {attrs["id"] for tag, attrs in found.tags if tag == "section" and "id" in attrs}


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_is_there_with_its_data(name, tmp_path):
    assert name in sections(parsed(make(tmp_path / "run", **SECTIONS[name])))


def test_a_run_that_has_done_nothing_has_no_empty_sections(tmp_path):
    found = parsed(make(tmp_path / "run"))
    assert sections(found) == {"run", "settings", "files"}
    assert "0 of 40 updates" in found.words
    assert "not finished" in found.words


def test_published_figures_stand_alone_when_nothing_was_measured(tmp_path):
    found = parsed(make(tmp_path / "run", [training(1)]), REFERENCES)
    assert {"results", "training"} == sections(found) - {"run", "settings", "files"}
    assert "Published only metrics/fid@50000 a distance not measured 8.51 published" in found.words


def test_hostile_strings_are_shown_and_not_run(tmp_path):
    bad = "<script>alert(1)</script>\"'&"
    config = CONFIG | {"data": {"source": bad}, bad: bad}
    start = {"time": bad, "step": 0, "command": ["python", f"--config={bad}"], "message": bad}
    workdir = make(
        tmp_path / "a<b>&c",
        [
            training(5, **{f"loss/{bad}": 1.0}),
            {"step": 5, f"m/{bad}": 1},
            {"step": 6, f"m/{bad}": 2},
        ],
        ["<i>-00000001.png", "<i>-00000002.png"],
        config=config,
        model={"paper": bad},
        results={"step": 6, "results": {bad: 1.0}},
        run={"starts": [start | {"ended": bad, "outcome": bad, "devices": {"kind": bad}}]},
        guard={"events": [{"step": 1, "kind": bad, "message": bad}]},
    )
    found = parsed(workdir)
    assert {tag for tag, _ in found.tags} & {"script", "img", "a<b"} <= {"img"}
    assert found.words.count(bad) > 10
    assert "<script" not in (workdir / "page.html").read_text()
    for link in found.values("href"):
        assert link.startswith(("./", "#"))


def test_null_is_a_number_that_is_not_finite(tmp_path):
    workdir = full(tmp_path / "run")
    (workdir / "results.json").write_text('{"step": 1, "results": {"a/psnr": null}}')
    (workdir / "evaluations.jsonl").write_text('{"step": 1, "results": {"a/psnr": null}}\n')
    page.write_page(workdir, None)
    assert "not finite (nan)" in (workdir / "page.html").read_text()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "", r"cannot read .*config\.json"),
        ("config.json", "[]", "is not a JSON object"),
        ("config.json", '{"train": 3}', r"no whole number train\.total_steps"),
        ("metrics.jsonl", '{"step": 1}\nnot json\n{"step": 2}\n', r"metrics\.jsonl, line 2"),
        ("metrics.jsonl", '{"step": 1, "loss/d": "high"}\n', "loss/d is 'high', not a number"),
        ("metrics.jsonl", b"\xff\xfe\n", r"cannot read .*metrics\.jsonl"),
        ("results.json", "", r"cannot read .*results\.json"),
        ("results.json", '{"results": {}}', 'no whole number "step"'),
        ("results.json", '{"step": 1}', 'no object "results"'),
        ("evaluations.jsonl", '{"step": 1, "results": {"a": []}}\n', "a is \\[\\], not a number"),
        ("run.json", "{}", 'no list "starts"'),
        ("run.json", '{"starts": [{"time": "x"}]}', 'no list "starts"'),
        ("guard.json", '{"events": [{}]}', 'no list "events"'),
        ("model.json", "{", r"cannot read .*model\.json"),
        ("samples/x-00000001.png", "no picture", r"x-00000001\.png is not a picture"),
    ],
)
def test_damaged_files_are_named(name, content, message, tmp_path):
    workdir = full(tmp_path / "run")
    path = workdir / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message):
        page.write_page(workdir, None)
    assert not (workdir / "page.html").exists()


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not the workdir of a run"):
        page.write_page(tmp_path / "none", None)


def test_not_a_number_is_said(tmp_path):
    records = [training(step) for step in range(1, 6)]
    records += [training(step, **{"loss/d": float("nan")}) for step in (6, 7)]
    records += [{"step": 7, "m/x": float("nan"), "m/y": float("inf")}]
    records += [training(8, **{"loss/only": float("nan")})]
    words = parsed(make(tmp_path / "run", records)).words
    assert "loss/d is not finite at 2 of 8 reports, first at step 6." in words
    assert "loss/only is not finite at 1 of 1 reports" in words
    assert "m/x not finite (nan)" in words
    assert "m/y not finite (inf)" in words


def test_two_hundred_singular_values_stay_small(tmp_path):
    rng = np.random.default_rng(0)
    layers = [f"blocks_{i}/conv{j}" for i in range(50) for j in (1, 2)]
    records = [
        training(step, **{f"sigma/{n}/{x}/0": rng.uniform(1, 9) for n in "gd" for x in layers})
        for step in range(100, 60_001, 100)
    ]
    workdir = make(tmp_path / "run", records)
    found = parsed(workdir)
    assert (workdir / "page.html").stat().st_size < 2_000_000
    assert found.words.count("sigma 0 of 100 layers") == 2
    # Every layer is in the tables; the legends name four again.
    assert found.words.count("blocks_31/conv2") >= 2


def test_an_ordinary_page_stays_small(tmp_path):
    rng = np.random.default_rng(0)
    workdir = make(tmp_path / "run", [training(s, **{"loss/g": s % 7}) for s in range(1, 3000)])
    for step in range(1, 9):
        # Noise: the worst case of a sheet of samples, 3 MB each as PNG.
        noise = rng.integers(0, 255, (1300, 880, 3), np.uint8)
        write_png(workdir / "samples" / f"sheet-{step:08d}.png", noise)
    found = parsed(workdir)
    assert (workdir / "page.html").stat().st_size < 3_000_000
    assert "shown smaller or compressed" in found.words


def test_gray_pictures_and_many_names(tmp_path):
    workdir = make(tmp_path / "run")
    for number in range(14):
        write_png(workdir / "samples" / f"n{number:02}-00000001.png", np.zeros((8, 8, 1), np.uint8))
    found = parsed(workdir)
    assert len([tag for tag, _ in found.tags if tag == "img"]) == 12
    assert "Not shown, for want of room: n12, n13." in found.words


def test_many_series_of_a_group(tmp_path):
    few = training(1, **{f"norm/{i}": 1.0 for i in range(8)})
    many = {f"grad/{i:03}": 1.0 for i in range(60)}
    records = [few | many, training(2, **many | {"grad/041": 99.0})]
    words = parsed(make(tmp_path / "run", records)).words
    assert "norm/7" in words
    assert "grad: 60 series" in words
    assert "Coloured: the 6 that changed most" in words
    assert "grad/041 99" in words


def test_links_lead_from_another_folder_to_the_run(tmp_path):
    workdir = full(tmp_path / "a run")
    output = page.write_page(workdir, None, tmp_path / "pages" / "p.html")
    links = Parsed(output.read_text()).values("href")
    assert "./../a%20run/config.json" in links


def test_a_run_in_a_store_has_the_page_of_one_on_a_disk(tmp_path, store):
    workdir = full(tmp_path / "run")
    local = page.write_page(workdir, REFERENCES).read_text()
    there = place("s3://bucket/run")
    upload(workdir, there)
    assert str(page.write_page(there, REFERENCES)) == "s3://bucket/run/page.html"
    # But for the time of the last file.
    words = [word for word in Parsed(local).text if not re.search(r"20\d\d-\d\d-\d\d", word)]
    written = Parsed(store.texts()["bucket/run/page.html"].decode())
    assert words == [word for word in written.text if not re.search(r"20\d\d-\d\d-\d\d", word)]
    assert written.values("href") == Parsed(local).values("href")
    elsewhere = page.write_page(there, REFERENCES, tmp_path / "page.html")
    assert "s3://bucket/run/config.json" in Parsed(elsewhere.read_text()).values("href")


def test_template_and_style_are_part_of_the_package():
    resources = importlib.resources.files("jaxrepro.page")
    assert "{{ summary.title }}" in (resources / "page.html.jinja").read_text("utf-8")
    assert "prefers-color-scheme: dark" in (resources / "page.css").read_text("utf-8")


def test_a_page_that_cannot_be_drawn_is_said_and_loses_nothing(tmp_path, capsys, monkeypatch):
    workdir = full(tmp_path / "run")
    assert page.draw_after_run(workdir, None)
    assert capsys.readouterr().out == f"page {workdir / 'page.html'}\n"
    before = (workdir / "page.html").read_bytes()

    def fail(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr(write, "render", fail)
    assert not page.draw_after_run(workdir, None)
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert f"what was measured is kept in {workdir}, but the page was not drawn: no ink" in error
    assert (workdir / "page.html").read_bytes() == before
    (workdir / "guard.json").write_text("{")
    monkeypatch.undo()
    assert not page.draw_after_run(workdir, None)
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert "guard.json" in error


def test_pictures_survive_as_the_file_when_small(tmp_path):
    import base64

    workdir = make(tmp_path / "run", pictures=["x-00000001.png"])
    (source,) = parsed(workdir).values("src")
    content = base64.b64decode(source.partition(",")[2])
    assert content == (workdir / "samples" / "x-00000001.png").read_bytes()
    with Image.open(workdir / "samples" / "x-00000001.png") as image:
        assert image.size == (60, 40)


def seeds_of(name, *values):
    """The mean, the spread and the single values as a run over seeds 7, 8, ... writes them."""
    return over_seeds({7 + i: {name: value} for i, value in enumerate(values)})


def test_a_run_over_seeds_shows_mean_and_spread(tmp_path):
    losses = ["loss/d", "loss/d/seed7", "loss/d/seed8"]
    sigmas = ["sigma/g/first/0", "sigma/g/first/0/seed7", "sigma/g/first/0/seed8"]
    records = [
        {"step": s, "speed/examples_per_second": 9.0, **dict.fromkeys([*losses, *sigmas], 1.0 * s)}
        for s in (10, 20)
    ]
    records += [{"step": s, **seeds_of("metrics/fid@50", s, s + 2.0)} for s in (20, 40)]
    run = tmp_path / "run"
    results = seeds_of("metrics/fid@50", 40.0, 42.0)
    make(
        run,
        records,
        config={**CONFIG, "num_seeds": 2},
        model={"paper": "biggan", "seeds": [7, 8]},
        results={"step": 40, "results": results},
    )
    later = {"step": 40, "results": seeds_of("metrics/fid@50", 50.0, 54.0)}
    (run / "evaluations.jsonl").write_text(json.dumps(later) + "\n")
    page.write_page(run, REFERENCES)
    parsed = Parsed((run / "page.html").read_text())
    words = parsed.words
    assert "Seeds 7, 8" in words
    assert "metrics/fid@50 41 ± 1.4 published 8.51" in words
    table, evaluated = words.split("Results", 1)[1].split("Measured later")
    assert "Mean ± standard deviation of 2 seeds: seed 7 40, seed 8 42 41 ± 1.4" in table
    # The published figure stands beside the mean alone.
    assert table.count("8.51") == 1
    assert "std" not in table
    assert "52 ± 2.8 (2 seeds)" in evaluated.split("Evaluations over the run")[0]
    assert parsed.text.count("metrics/fid") == 1  # One plot of the quantity, none of its parts.
    assert parsed.text.count("loss") == 1
    assert words.count("Coloured: the mean over the seeds; grey: each seed.") == 2
    assert "g: sigma 0 of 1 layers" in words
    assert words.count("The mean over the seeds.") == 1


def test_many_results_without_a_description_are_folded_away(tmp_path):
    def page_of(num):
        results = {"metrics/fid@1000:net": 2.5} | {
            f"held_out/part{i}": float(i) for i in range(num)
        }
        workdir = full(tmp_path / f"run{num}")
        (workdir / "results.json").write_text(json.dumps({"step": 40, "results": results}))
        page.write_page(workdir, REFERENCES)
        return (workdir / "page.html").read_text()

    # Beside them is the quantity that was measured later.
    many, few = page_of(5), page_of(4)
    before, _, folded = many.partition("<summary>5 more measurements</summary>")
    assert "metrics/fid@1000:net" in before.partition('id="results"')[2]
    assert "held_out/part3" not in before and folded.count("held_out/part3") == 1
    assert "more measurements" not in few and few.count("held_out/part3") == 1


def test_names_that_are_not_utf8_are_shown_with_escapes(tmp_path):
    config = {**CONFIG, "data": {"source": "folder:caf\udce9"}}
    shown = parsed(make(tmp_path / "run", [training(1)], config=config))
    assert "folder:caf\\udce9" in shown.words
