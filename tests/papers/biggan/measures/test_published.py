import dataclasses
import itertools

from jaxrepro.core.task import HasReferences, references_of
from jaxrepro.papers.biggan.measures import published


def references(**changes):
    setting = {
        "resolution": 128,
        "batch_size": 2048,
        "ch": 96,
        "shared_embedding": True,
        "hierarchical": True,
        "orthogonal": True,
        "headline": "",
    }
    return published.references(**setting | changes)


def values(found):
    return {row.name: row.value for row in found.rows}


def test_the_row_of_the_setting_and_none_for_another():
    assert values(references()) == {
        "metrics/fid@50000": 8.51,
        "metrics/inception_score@50000": 99.31,
    }
    assert values(references(orthogonal=False))["metrics/fid@50000"] == 8.73
    plain = {"shared_embedding": False, "hierarchical": False, "orthogonal": False}
    assert values(references(batch_size=256, ch=64, **plain))["metrics/fid@50000"] == 18.65
    assert references(ch=16).rows == ()
    assert references(resolution=256).rows == references(resolution=256).curves == ()
    assert values(references(resolution=32, ch=8))["metrics/inception_score@50000"] == 9.22


def test_figures_from_memory_say_so_and_the_log_says_where():
    for found in (references(), references(resolution=32)):
        assert all("from memory" in row.source for row in found.rows)
    for curve in references().curves:
        assert "log of the author's" in curve.source
        assert "PyTorch Inception" in curve.protocol


def test_the_authors_curves_are_in_order_and_improve():
    distance, score = references(ch=16).curves
    for curve, sign in ((distance, -1), (score, 1)):
        steps, points = zip(*curve.points, strict=True)
        assert list(steps) == sorted(set(steps))
        assert all(sign * (b - a) > 0 for a, b in itertools.pairwise(points))
    assert dict(distance.points)[10_000] == 83.6
    assert dict(score.points)[10_000] == 10.4


class Without:
    def evaluators(self):
        return {}


class With(Without):
    def references(self):
        return references()


def test_references_are_optional_for_a_task():
    assert isinstance(With(), HasReferences)
    assert references_of(With()) == references()
    assert references_of(Without()) is None


def test_evaluators_may_say_what_they_measure():
    class Says:
        measured_on = "10 images of digits"

    class Evaluated(Without):
        def evaluators(self):
            return {"test": Says(), "size": object()}

    class Both(With, Evaluated):
        pass

    told = {"test": "10 images of digits"}
    assert references_of(Evaluated()).measured_on == told
    assert references_of(Both()) == dataclasses.replace(references(), measured_on=told)
