"""The page in a browser: what is on its first screen, and how long it is on a telephone."""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from jaxrepro import page
from jaxrepro.core.files.whole_files import write_png
from jaxrepro.core.task import Caption, PublishedFigure, References

CHROMIUM = shutil.which("chromium")
SCREENS = {"desk": (1280, 800), "telephone": (390, 844)}
SENTENCE = (
    "joints found within a share of the torso (left shoulder to right hip), in percent: mean over "
    "joints that weigh the same, without pelvis and thorax; people without a torso are left out"
)
NAMES = [f"validation/pck_{i}@0.5" for i in range(30)]
REFERENCES = References(
    rows=(PublishedFigure(NAMES[1], 90.27, f"MPII; {SENTENCE}", "a page"),),
    descriptions={name.partition("@")[0]: SENTENCE for name in NAMES[:12]},
    citation="A and B, 2019",
    levels={
        name: {"the mean pose": "base/mean", "the nearest neighbour": "base/near"}
        for name in NAMES[:3]
    },
    better={"validation": "higher"},
    headline=NAMES[0],
    after_at={"validation": "within {} of the torso"},
    measured_on={"validation": f"250 people of figures, test; {SENTENCE}"},
    captions={
        "validation/sheet": Caption(
            "Some people.", ("to fill", "sketch", "colours", "network", "edit", "truth")
        )
    },
)
# Asks both screens where the parts are, and how large the whole is.
MEASURE = """
onload = () => {
  const told = {};
  for (const frame of document.querySelectorAll('iframe')) {
    const inside = frame.contentDocument, at = {};
    for (const [name, which] of Object.entries(WANTED)) {
      const box = inside.querySelector(which).getBoundingClientRect();
      at[name] = [box.left, box.top, box.right, box.bottom];
    }
    const root = inside.documentElement;
    told[frame.id] = {at, size: [root.scrollWidth, root.scrollHeight, root.clientWidth]};
  }
  document.querySelector('pre').textContent = JSON.stringify(told);
};
"""
WANTED = {
    "title": "h1",
    "state": ".state",
    "updates": ".progress",
    "worse than a baseline": ".warning",
    "headline number": ".big",
    "its baselines": ".levels",
    "what it was measured on": ".number .note:last-child",
    "names of the columns": ".columns",
    "newest picture": ".hero img",
}


@pytest.fixture(scope="module")
def screens(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("no browser here")
    folder = tmp_path_factory.mktemp("screens")
    path = page.write_page(run_of_all_parts(folder / "run"), REFERENCES, None, commands())
    inside = html.escape(path.read_text(), quote=True)
    frames = "".join(
        f'<iframe id="{name}" width="{width}" height="{height}" style="border: 0" '
        f'srcdoc="{inside}"></iframe>'
        for name, (width, height) in SCREENS.items()
    )
    script = MEASURE.replace("WANTED", json.dumps(WANTED))
    (folder / "both.html").write_text(f"<body>{frames}<pre></pre><script>{script}</script>")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--dump-dom"]
    flags += ["--disable-background-networking", f"--user-data-dir={folder / 'browser'}"]
    found = subprocess.run(
        [CHROMIUM, *flags, f"file://{folder / 'both.html'}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", found.stdout)[1]))


def commands():
    return [(f"Does what verb {i} does", f"python -m x.verb{i} --model=run") for i in range(9)]


def run_of_all_parts(workdir):
    """Returns a run below its baselines, with many results, series and two kinds of pictures."""
    workdir.mkdir()
    config = {"task": "pyranet", "train": {"total_steps": 40}, "data": {"source": "figures"}}
    config["model"] = {f"key_{i}": i for i in range(60)}
    (workdir / "config.json").write_text(json.dumps(config))
    results = {name: 20.0 + i for i, name in enumerate(NAMES)}
    results |= {"base/mean": 93.71, "base/near": 92.2}
    records = []
    for step in (10, 20, 30, 40):
        losses = {f"loss/{i}": 1.0 / step for i in range(4)}
        sigmas = {f"sigma/g/layer_{i}/{k}": 1.0 + i for i in range(20) for k in range(3)}
        records.append({"step": step, "speed/examples_per_second": 9.0, **losses, **sigmas})
        records.append({"step": step, **results})
        for name, shape in (("sheet", (530, 400, 3)), ("errors", (420, 1000, 3))):
            pixels = np.full(shape, 5 * step, np.uint8)
            write_png(workdir / "samples" / f"validation-{name}-{step:08d}.png", pixels)
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (workdir / "metrics.jsonl").write_text(lines)
    (workdir / "results.json").write_text(json.dumps({"step": 40, "results": results}))
    start = {
        "time": "2026-11-20T10:00:00+00:00",
        "ended": "2026-11-20T10:10:00+00:00",
        "outcome": "finished",
        "step": 0,
        "command": ["python", "-m", "jaxrepro.train", "--config=configs/hourglass.py:demo"],
        "devices": {"kind": "cpu", "platform": "cpu", "count": 1},
        "versions": {"jax": "0.10.2", "optax": "0.2.8"},
    }
    start["command"] += ["--config.train.total_steps=40", "--config.data.source=figures"]
    (workdir / "run.json").write_text(json.dumps({"starts": [start]}))
    return workdir


@pytest.mark.parametrize("screen", SCREENS)
def test_the_main_things_are_on_the_first_screen(screens, screen):
    width, height = SCREENS[screen]
    for name, (left, top, right, bottom) in screens[screen]["at"].items():
        assert 0 <= left < right <= width, name
        # A tall picture may go on below, but most of it is seen.
        seen = (min(bottom, height) - top) / (bottom - top)
        assert top >= 0 and seen > (0.6 if name == "newest picture" else 0.999), name


@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_is_wider_than_the_screen(screens, screen):
    width, _, shown = screens[screen]["size"]
    assert width <= shown


def test_a_page_is_short_before_it_is_unfolded(screens):
    assert screens["telephone"]["size"][1] <= 4000
    assert screens["desk"]["size"][1] <= screens["telephone"]["size"][1]


@pytest.mark.parametrize("screen", SCREENS)
def test_names_of_columns_stand_over_the_picture(screens, screen):
    columns, picture = (
        screens[screen]["at"][name] for name in ("names of the columns", "newest picture")
    )
    assert columns[3] <= picture[1]
    assert abs(columns[0] - picture[0]) < 1 and abs(columns[2] - picture[2]) < 1
