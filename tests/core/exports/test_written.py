"""Forms for other programs: as many sizes by name as the form can hold, and equal results."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.exports.inference_function import InferenceFunction, Input
from jaxrepro.core.exports.written import Attempt, written


def doubling(**sizes):
    """Returns a function that doubles pictures, with sides that are multiples of 8."""
    return InferenceFunction(
        lambda variables, x: x.astype(jnp.float32) * variables,
        jnp.float32(2),
        (Input("image", "batch, 8*side, 3", "uint8", 256, "a picture"),),
        "doubled",
        "batch, 8*side, 3",
        {"batch": 1, "side": 2, **sizes},
    )


def of(factor, *, holds):
    """Returns what makes a form that multiplies, and holds shapes for which `holds` says so."""
    shapes = []

    def make(specs):
        shapes.append(tuple(map(str, specs[0].shape)))
        if not holds(specs[0].shape):
            raise ValueError("too free\nfor this form")
        return Attempt(b"content", {"form": "test"}, lambda x: np.float32(factor) * x)

    return make, shapes


def test_all_sizes_stay_names_where_the_form_can():
    make, shapes = of(2, holds=lambda shape: True)
    result = written(doubling(), "Form", make)
    assert shapes == [("batch", "8*side", "3")]
    assert (result.content, result.fixed, result.reason) == (b"content", (), "")
    assert result.about == {"form": "test", "relative_difference": 0.0}


def test_sizes_become_numbers_where_it_cannot_and_it_is_said_why():
    make, shapes = of(2, holds=lambda shape: isinstance(shape[1], int))
    result = written(doubling(side=3), "Form", make)
    assert shapes == [("batch", "8*side", "3"), ("batch", "24", "3")]
    assert (result.fixed, result.reason) == (("side",), "ValueError: too free")


def test_another_result_is_refused_with_the_number():
    make, _ = of(2.0002, holds=lambda shape: True)
    with pytest.raises(InputError, match=r"^not written, for as Form its results differ by 1.0e"):
        written(doubling(), "Form", make)
    nothing, _ = of(np.nan, holds=lambda shape: True)
    with pytest.raises(InputError, match="differ by nan"):
        written(doubling(), "Form", nothing)


def test_what_a_form_cannot_hold_is_one_line():
    make, _ = of(2, holds=lambda shape: False)
    with pytest.raises(InputError) as caught:
        written(doubling(), "Form", make)
    assert str(caught.value) == "not written, for as Form ValueError: too free"


def test_sizes_are_checked():
    assert doubling().at_sizes({"side": 5}).sizes == {"batch": 1, "side": 5}
    with pytest.raises(InputError, match="size 'width' given; this network has batch, side"):
        doubling().at_sizes({"width": 5})
    with pytest.raises(InputError, match="size side=0 given"):
        doubling().at_sizes({"side": 0})


def test_inputs_are_drawn_as_described():
    rng, sizes = np.random.default_rng(0), {"n": 50}
    normal = Input("z", "n, 4", "float32", None, "").drawn(rng, sizes)
    assert normal.shape == (50, 4) and normal.min() < -1 < 1 < normal.max()
    marks = Input("mask", "2*n", "uint8", 2, "").drawn(rng, sizes)
    assert marks.dtype == np.uint8 and set(marks) == {0, 1} and marks.shape == (100,)
    planes = Input("x", "n", "float32", 0.5, "").drawn(rng, sizes)
    assert 0 <= planes.min() < 0.1 and 0.4 < planes.max() < 0.5
