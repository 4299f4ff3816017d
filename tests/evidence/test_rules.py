"""Rules over seeds: every status, and which interval decides."""

import dataclasses
import math

import pytest
from scipy import stats

from jaxrepro.evidence.rules import All, Between, Flag, Near, Order, Values, difference_interval


@dataclasses.dataclass(frozen=True)
class Arms:
    """Values of one result by arm."""

    by_arm: dict

    def values(self, arm, result):
        assert result == "x"
        return self.by_arm.get(arm)


def seeds(*numbers):
    return Values(dict(enumerate(numbers)))


def fixed(number):
    return Values({None: number})


def status(rule, **arms):
    return rule.judge(Arms(arms)).status


def test_a_value_near_the_published_one():
    near = Near("a", "x", 10, 0.5)
    assert status(near, a=fixed(10.4)) == "reproduced"
    assert status(near, a=seeds(10.0, 10.1, 9.9)) == "reproduced"
    assert status(near, a=fixed(10.6)) == "does not hold"
    assert status(near, a=seeds(10.4, 10.5, 10.3)) == "undecided"
    assert status(near, a=seeds(10.0)) == "observed once"
    assert status(near) == "open"


def test_bounds_and_flags():
    assert status(Between("a", "x", low=2), a=fixed(2)) == "holds here"
    assert status(Between("a", "x", high=2), a=fixed(2.1)) == "does not hold"
    assert status(Between("a", "x", 1, 2), a=seeds(1.9, 2.1)) == "undecided"
    assert status(Flag("a", "x"), a=fixed(1)) == "holds here"
    assert status(Flag("a", "x"), a=fixed(0)) == "does not hold"


def test_pairs_of_seeds_decide_what_the_spread_hides():
    order = Order("a", "b", "x")
    a, b = seeds(11.0, 21.1, 30.9), seeds(10.0, 20.0, 30.0)
    assert status(order, a=a, b=b) == "holds here"
    assert status(order, a=b, b=a) == "does not hold"
    # The same numbers of other seeds are not pairs.
    others = Values(dict(zip((7, 8, 9), a.by_seed.values(), strict=True)))
    assert status(order, a=others, b=b) == "undecided"
    assert status(order, a=seeds(11.0, 19.0, 31.0), b=b) == "undecided"
    low, high = difference_interval(a, b)
    expected = stats.ttest_rel([11.0, 21.1, 30.9], [10.0, 20.0, 30.0]).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high))


def test_unequal_seeds_have_welchs_interval():
    a, b = (3.0, 3.5, 4.2, 3.9), (1.0, 1.6, 1.2)
    interval = difference_interval(seeds(*a), seeds(*b))
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert interval == pytest.approx((expected.low, expected.high))
    assert status(Order("a", "b", "x", 1), a=seeds(*a), b=seeds(*b)) == "holds here"
    assert status(Order("a", "b", "x", 3.5), a=seeds(*a), b=seeds(*b)) == "does not hold"


def test_an_order_is_more_than_equality():
    assert status(Order("a", "b", "x"), a=fixed(1.0), b=fixed(1.0)) == "does not hold"
    nearly = math.nextafter(1.0, 2.0)
    assert status(Order("a", "b", "x"), a=fixed(nearly), b=fixed(1.0)) == "holds here"


def test_one_seed_is_never_more_than_an_observation():
    for a, b in ((seeds(9.0), seeds(1.0)), (seeds(9.0), fixed(1.0)), (fixed(9.0), seeds(1.0))):
        verdict = Order("a", "b", "x").judge(Arms({"a": a, "b": b}))
        assert verdict.status == "observed once"
        assert verdict.because.endswith("8, one seed, as claimed")
        verdict = Order("b", "a", "x").judge(Arms({"a": a, "b": b}))
        assert verdict.status == "observed once"
        assert verdict.because.endswith("one seed, not as claimed")


def test_a_missing_arm_is_named():
    verdict = Order("a", "b", "x").judge(Arms({"a": fixed(1.0)}))
    assert (verdict.status, verdict.because) == ("open", "b not measured")


def test_all_is_the_least_of_its_rules():
    high, low = Between("a", "x", low=5), Between("b", "x", high=5)
    both = All(high, low)
    assert status(both, a=fixed(6), b=fixed(4)) == "holds here"
    assert status(both, a=fixed(6), b=fixed(6)) == "does not hold"
    assert status(both, a=fixed(6), b=seeds(4.0)) == "observed once"
    assert status(both, a=fixed(6), b=seeds(4.9, 5.1)) == "undecided"
    assert status(both, a=seeds(4.9, 5.1)) == "open"
    # What fails, fails, whatever is missing.
    assert status(both, a=fixed(4)) == "does not hold"
    assert status(All(Near("a", "x", 6, 1), low), a=fixed(6), b=fixed(4)) == "holds here"
    assert All(both, Flag("a", "x")).rules == (high, low, Flag("a", "x"))
    assert both.needs() == (("a", "x"), ("b", "x"))
    assert both.in_words() == "x of a is at least 5; x of b is at most 5"


def test_many_parts_are_told_in_short():
    many = All(*(Between("a", "x", low=bound) for bound in range(5)))
    assert many.in_words() == (
        "x of a is at least 0; x of a is at least 1; and so on, 5 parts in all"
    )
    assert many.judge(Arms({"a": fixed(4)})).because == "all 5 parts"
    assert many.judge(Arms({"a": seeds(4.0)})).because == "all 5 parts as claimed in one seed"
    assert many.judge(Arms({"a": seeds(3.5)})).because == (
        "4 of 5 parts as claimed in one seed; a, x: 3.5, one seed, not as claimed"
    )
    assert many.judge(Arms({"a": fixed(3.5)})).because == "a, x: 3.5"


def test_what_rules_say_alike_is_said_once():
    orders = All(Order("a", "b", "x"), Order("a", "b", "y"), Order("b", "a", "x"))
    assert orders.in_words() == "x, y is higher for a than for b; x is higher for b than for a"
    near = All(Near("a", "x", 9.25, 0.5), Near("b", "x", 8, 0.5))
    assert near.in_words() == "x of a, b is within 0.5 of 9.25, 8"
