"""Which devices exchange with each other, in all forms in which XLA writes it."""

import pytest

from jaxrepro.core.analysis.collectives import find_collectives
from jaxrepro.core.analysis.hlo import parse_program
from jaxrepro.core.analysis.replica_groups import parse_groups
from jaxrepro.core.errors import InputError


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("all", [[0, 1, 2, 3, 4, 5, 6, 7]]),
        ("{{0,2},{1,3}}", [[0, 2], [1, 3]]),
        ("[2,4]<=[8]", [[0, 1, 2, 3], [4, 5, 6, 7]]),
        ("[2,4]<=[4,2]T(1,0)", [[0, 2, 4, 6], [1, 3, 5, 7]]),
        ("[4,2]<=[2,2,2]T(0,2,1)", [[0, 2], [1, 3], [4, 6], [5, 7]]),
        ("mesh['a'=2,'b'=4] {'b'}", [[0, 1, 2, 3], [4, 5, 6, 7]]),
        ("mesh['a'=2,'b'=4] {'a'}", [[0, 4], [1, 5], [2, 6], [3, 7]]),
        ("mesh['a'=2,'b'=2,'c'=2] {'a','c'}", [[0, 1, 4, 5], [2, 3, 6, 7]]),
        # The first two of an axis of four are 0 and 1 in units of two devices.
        ("mesh['a'=4,'b'=2] {'a':(1)2}", [[0, 4], [1, 5], [2, 6], [3, 7]]),
        ("mesh['a'=4,'b'=2], device_ids=([2,4]T(1,0)) {'a'}", [[0, 1, 2, 3], [4, 5, 6, 7]]),
        ("mesh['a'=2,'b'=2], device_ids=(3,2,1,0) {'b'}", [[2, 3], [0, 1]]),
    ],
)
def test_groups_as_xla_writes_them(text, groups):
    found = [sorted(group) for group in parse_groups(text, 8)]
    assert sorted(found) == sorted(groups)


PROGRAM = """\
HloModule jit_step, num_partitions=8

ENTRY %main (a: f32[4]) -> f32[4] {
  %a = f32[4]{0} parameter(0)
  %whole = f32[8]{0} all-gather(%a), replica_groups=mesh['x'=4,'y'=2], device_ids=([2,4]T(1,0)) {'y'}, dimensions={0}
  %part = f32[4]{0} slice(%whole), slice={[0:4]}
  %sum = f32[4]{0} all-reduce(%part), replica_groups={}, to_apply=%add
  ROOT %moved = f32[4]{0} collective-permute(%sum), source_target_pairs={{0,1},{1,0}}
}
"""  # noqa: E501


def test_groups_of_a_program():
    program = parse_program(PROGRAM)
    found = find_collectives(program)
    assert [(one.kind, one.group_size, one.num_groups) for one in found] == [
        ("all-gather", 2, 4),
        ("all-reduce", 8, 1),
        ("collective-permute", 2, 2),
    ]
    assert found[0].sent_bytes == 16
    # The mesh counts its devices along the other axis first, so that pairs are four apart.
    assert parse_groups(found[0].groups, 8) == ((0, 4), (1, 5), (2, 6), (3, 7))
    program = parse_program(PROGRAM.replace("={}, to", "=new_form{0}, to"))
    with pytest.raises(InputError, match=r"groups of devices 'new_form.* form that is not known"):
        find_collectives(program)
