import pytest
from PIL import Image

from jaxrepro import plot
from jaxrepro.core.errors import InputError


@pytest.fixture
def workdir(tmp_path):
    (tmp_path / "metrics.jsonl").write_text(
        '{"step": 1, "loss/d": 2.0, "logits/real": 0.1}\n'
        '{"step": 2, "loss/d": 1.5, "speed/examples_per_second": 9}\n'
        '{"step": 3, "samples/x": 4}\n'
    )
    return tmp_path


def test_curves_are_read_by_name(workdir):
    assert plot.read_curves(workdir, None) == {
        "loss/d": ([1, 2], [2.0, 1.5]),
        "logits/real": ([1], [0.1]),
    }
    assert plot.read_curves(workdir, ["samples/x"]) == {"samples/x": ([3], [4])}


def test_missing_metrics_are_named(workdir):
    with pytest.raises(InputError, match="no metric loss/e in .*; it has logits/real, loss/d"):
        plot.read_curves(workdir, ["loss/e"])
    with pytest.raises(InputError, match="no metrics in"):
        plot.read_curves(workdir / "nothing", None)


# The second is no formula, the third no text.
@pytest.mark.parametrize("title", ["title", r"runs/a$\foo$b", "runs/caf\udce9"])
def test_picture(title, workdir):
    plot.draw(plot.read_curves(workdir, None), workdir / "curves.png", title)
    with Image.open(workdir / "curves.png") as picture:
        assert picture.width > picture.height
