"""The search for a microbatch, on memories that are known."""

import pytest

from jaxrepro.core.analysis.memory_plan import plan_memory

MICROBATCHES = {2**i: 64 // 2**i for i in range(7)}


def plan(memory, limit, with_remat=True, microbatches=MICROBATCHES):
    asked = []

    def measure(examples, remat):
        asked.append((examples, remat))
        return memory(examples, remat)

    return plan_memory(measure, microbatches, limit, with_remat=with_remat), asked


def affine(examples, remat):
    return 1000 + examples * (10 if remat else 30)


@pytest.mark.parametrize(
    ("limit", "with_remat", "examples", "remat"),
    [
        (1000 + 30 * 64, True, 64, False),
        (1000 + 30 * 64 - 1, True, 32, False),
        (1000 + 30 * 32, False, 32, False),
        # Not even one example without rematerialisation.
        (1000 + 29, True, 2, True),
        (1000 + 10, True, 1, True),
    ],
)
def test_affine_memory(limit, with_remat, examples, remat):
    result, asked = plan(affine, limit, with_remat)
    assert (result.chosen.examples, result.chosen.remat) == (examples, remat)
    assert result.chosen.compiled
    assert result.chosen.microbatches == 64 // examples
    assert len(asked) == len(set(asked)) <= 4
    assert asked[:2] == [(4, False), (8, False)]
    for option in result.options:
        assert option.num_bytes == affine(option.examples, option.remat)
        assert option.compiled == ((option.examples, option.remat) in asked)
    assert result.bytes_per_example == ({False: 30, True: 10} if with_remat else {False: 30})
    assert len(result.options) == 7 * (1 + with_remat)


def test_nothing_fits():
    result, asked = plan(affine, 1009)
    assert result.chosen is None
    assert asked == [(4, False), (8, False), (8, True)]
    assert (result.smallest.examples, result.smallest.remat) == (1, True)
    assert result.smallest.num_bytes == 1010


def test_rematerialisation_is_measured_where_it_may_matter():
    """One measurement at a small size would say little of a constant that differs."""

    def memory(examples, remat):
        return affine(examples, remat) - (50 if remat else 0)

    result, asked = plan(memory, affine(8, False))
    assert asked == [(4, False), (8, False), (32, True)]
    largest = next(o for o in result.options if o.remat and o.examples == 64)
    assert abs(largest.num_bytes - memory(64, True)) <= 50
    assert not largest.compiled


def test_a_choice_that_turns_out_too_large_yields():
    """More is needed from 64 on than the small sizes say."""

    def memory(examples, remat):
        return affine(examples, remat) + (500 if examples >= 64 else 0)

    result, asked = plan(memory, affine(64, False))
    assert asked[:3] == [(4, False), (8, False), (64, False)]
    assert (result.chosen.examples, result.chosen.compiled) == (32, False)
    # Between 8 and 64, both measured.
    assert affine(32, False) < result.chosen.num_bytes < memory(64, False)


def test_never_beyond_the_largest_measured_size():
    """Less is needed from 32 on, which makes 64 look as if it fitted."""

    def memory(examples, remat):
        return affine(examples, remat) - (600 if examples >= 32 else 0)

    result, _ = plan(memory, affine(32, False))
    assert any(o.examples == 64 and o.num_bytes <= affine(32, False) for o in result.options)
    assert (result.chosen.examples, result.chosen.compiled) == (32, True)


@pytest.mark.parametrize("sizes", [{8: 1}, {1: 2, 2: 1}, {1: 5, 5: 1}])
def test_few_sizes(sizes):
    result, asked = plan(affine, 10**6, microbatches=sizes)
    assert result.chosen.examples == max(sizes)
    assert [examples for examples, remat in asked if not remat] == sorted(sizes)
    assert set(result.bytes_per_example) == (set() if len(sizes) == 1 else {False, True})
