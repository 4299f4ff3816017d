"""The reader of compiled programs: on a program written by hand and on a small compiled one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from jaxrepro.core.analysis.collectives import (
    bytes_by_part,
    dependent_exchanges,
    find_collectives,
    ring_factor,
)
from jaxrepro.core.analysis.hlo import Array, parse_program
from jaxrepro.core.analysis.hlo_contractions import count_contractions
from jaxrepro.core.devices import mesh as mesh_lib

# A loop of three rounds, each with one combined all-reduce and, waiting for it, a second one; a
# gather that starts and ends; a scatter and a permutation; a convolution and a product.
WRITTEN = """\
HloModule jit_step, is_scheduled=true, num_partitions=8

%add (x: f32[], y: f32[]) -> f32[] {
  %x = f32[] parameter(0)
  %y = f32[] parameter(1)
  ROOT %add.1 = f32[] add(%x, %y)
}

%fused (p: f32[4,6], q: f32[6,5]) -> f32[4,5] {
  %p = f32[4,6]{1,0} parameter(0)
  %q = f32[6,5]{1,0} parameter(1)
  ROOT %dot.1 = f32[4,5]{1,0} dot(%p, %q), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

%condition (t: (s32[], f32[2,3])) -> pred[] {
  %t = (s32[], f32[2,3]{1,0}) parameter(0)
  ROOT %less = pred[] constant(true)
}

%body (t: (s32[], f32[2,3])) -> (s32[], f32[2,3]) {
  %t = (s32[], f32[2,3]{1,0}) parameter(0)
  %i = s32[] get-tuple-element(%t), index=0
  %v = f32[2,3]{1,0} get-tuple-element(%t), index=1
  %kernel = f32[2,3]{1,0} add(%v, %v), metadata={op_name="jit(step)/transpose(jvp(G))/dot_general"}
  %moment = bf16[7]{0} constant({...})
  %loss = f32[] constant(1)
  %all = (f32[2,3]{1,0}, bf16[7]{0}, /*index=2*/f32[]) all-reduce(%kernel, %moment, /*index=2*/%loss), channel_id=1, replica_groups=mesh['a'=2,'b'=4] {'b'}, use_global_device_ids=true, to_apply=%add, metadata={op_name="jit(step)/(transpose(jvp(G))/dot_general:norm/batch_statistics/reduce_sum:jvp()/reduce_sum)"}
  %first = f32[2,3]{1,0} get-tuple-element(%all), index=0
  %second = f32[2,3]{1,0} all-reduce(%first), channel_id=2, replica_groups={{0,1},{2,3},{4,5},{6,7}}, to_apply=%add
  %beside = f32[2,3]{1,0} all-reduce(%v), channel_id=3, replica_groups=[2,4]<=[4,2]T(1,0), to_apply=%add
  ROOT %out = (s32[], f32[2,3]{1,0}) tuple(%i, %second)
}

ENTRY %main (a: f32[2,3], b: f32[4,6], c: f32[6,5], x: f32[2,5,5,3], k: f32[3,3,3,4]) -> f32[2,3] {
  %a = f32[2,3]{1,0} parameter(0)
  %b = f32[4,6]{1,0} parameter(1)
  %c = f32[6,5]{1,0} parameter(2)
  %x = f32[2,5,5,3]{3,2,1,0} parameter(3)
  %k = f32[3,3,3,4]{3,2,1,0} parameter(4)
  %zero = s32[] constant(0)
  %start = (s32[], f32[2,3]{1,0}) tuple(%zero, %a)
  %loop = (s32[], f32[2,3]{1,0}) while(%start), condition=%condition, body=%body, backend_config={"known_trip_count":{"n":"3"}}
  %product = f32[4,5]{1,0} fusion(%b, %c), kind=kLoop, calls=%fused
  %map = f32[2,3,3,4]{3,2,1,0} convolution(%x, %k), window={size=3x3 stride=2x2 pad=1_1x1_1}, dim_labels=b01f_01io->b01f
  %gathering = (f32[4,5]{1,0}, f32[32,5]{1,0}) all-gather-start(%product), channel_id=4, replica_groups={}, dimensions={0}
  %gathered = f32[32,5]{1,0} all-gather-done(%gathering)
  %part = f32[4,5]{1,0} reduce-scatter(%gathered), channel_id=5, replica_groups=[1,8]<=[8], dimensions={0}, to_apply=%add
  %moved = f32[4,5]{1,0} collective-permute(%part), channel_id=6, source_target_pairs={{0,1},{1,0}}
  ROOT %result = f32[2,3]{1,0} get-tuple-element(%loop), index=1
}
"""  # noqa: E501


def test_collectives_of_a_written_program():
    program = parse_program(WRITTEN)
    assert program.loops_counted_once == 0
    combined, second, beside, gather, scatter, permute = find_collectives(program)
    found = [
        (one.kind, one.group_size, one.num_groups, one.times) for one in find_collectives(program)
    ]
    assert found == [
        ("all-reduce", 4, 2, 3),
        ("all-reduce", 2, 4, 3),
        ("all-reduce", 4, 2, 3),
        ("all-gather", 8, 1, 1),
        ("reduce-scatter", 8, 1, 1),
        ("collective-permute", 2, 2, 1),
    ]
    assert combined.arrays == (
        (Array("f32", (2, 3)), "gradients"),
        (Array("bf16", (7,)), "batch statistics"),
        (Array("f32", ()), "losses and logs"),
    )
    assert combined.num_bytes == 24 + 14 + 4
    assert combined.sent_bytes == 2 * 3 / 4 * 42
    assert (second.num_bytes, beside.num_bytes, gather.num_bytes) == (24, 24, 32 * 5 * 4)
    assert gather.sent_bytes == scatter.sent_bytes == 7 * 4 * 5 * 4
    assert permute.sent_bytes == 80
    # Three rounds of two that wait for each other; then three in a row.
    assert dependent_exchanges(program) == 3 * 2 + 3
    assert bytes_by_part(find_collectives(program)) == {
        "gradients": 3 * 24,
        "batch statistics": 3 * 14,
        "losses and logs": 3 * 4,
        "other": 3 * 2 * 24 + 640 + 80 + 80,
    }


def test_parts_of_a_combination_whose_sources_are_not_all_named():
    """One name is that of all; where it says nothing, what each array is made from does."""
    text = WRITTEN.replace(":norm/batch_statistics/reduce_sum:jvp()/reduce_sum)", ")")
    arrays = find_collectives(parse_program(text))[0].arrays
    assert [part for _, part in arrays] == ["gradients", "gradients", "gradients"]
    text = text.replace("jit(step)/(transpose(jvp(G))/dot_general)", "jit(step)/combined")
    arrays = find_collectives(parse_program(text))[0].arrays
    assert [part for _, part in arrays] == ["gradients", "other", "losses and logs"]


BRANCHES = """\
HloModule jit_step

%yes (x: s4[5]) -> s4[5] {
  %x = s4[5]{0} parameter(0)
  ROOT %sum = s4[5]{0} all-reduce(%x), to_apply=%add
}

%no (y: s4[5]) -> s4[5] {
  %y = s4[5]{0} parameter(0)
  ROOT %same = s4[5]{0} copy(%y)
}

%round (z: s4[5]) -> s4[5] {
  %z = s4[5]{0} parameter(0)
  ROOT %either = s4[5]{0} conditional(%z, %z, %z), branch_computations={%yes, %no}
}

ENTRY %main (a: s4[5]) -> s4[5] {
  %a = s4[5]{0} parameter(0)
  ROOT %loop = s4[5]{0} while(%a), condition=%known, body=%round
}
"""


def test_branches_count_and_loops_of_unknown_length_are_told():
    program = parse_program(BRANCHES)
    assert program.loops_counted_once == 1
    assert dict(program.times) == {"yes": 1, "no": 1, "round": 1, "main": 1}
    (one,) = find_collectives(program)
    assert one.num_bytes == 5 * 1  # Half a byte takes a whole one.


def test_contractions_of_a_written_program():
    product = 2 * 4 * 5 * 6
    # Of each axis' three outputs, the outer two meet two of the three taps.
    convolution = 2 * (2 * 4) * 3 * (2 + 3 + 2) ** 2
    assert count_contractions(parse_program(WRITTEN)) == product + convolution


def test_ring_minimum():
    assert [ring_factor("all-reduce", n) for n in (1, 2, 512)] == [0, 1, 2 * 511 / 512]
    # A reduce-scatter to an N-th and an all-gather of it are an all-reduce.
    scattered = ring_factor("reduce-scatter", 8) / 8 + ring_factor("all-gather", 8)
    assert scattered == ring_factor("all-reduce", 8)


def test_text_that_is_no_program():
    with pytest.raises(ValueError, match="no entry computation"):
        parse_program("HloModule nothing\n")


def test_a_compiled_program_with_a_known_sum():
    """The sum of what eight devices hold; and a product of which each computes an eighth."""
    mesh = mesh_lib.make_mesh()
    rows = mesh_lib.batch_sharding(mesh)
    whole = NamedSharding(mesh, PartitionSpec())

    def function(x, w):
        return (x @ w).sum(axis=0)

    arguments = (
        jax.ShapeDtypeStruct((16, 32), jnp.float32, sharding=rows),
        jax.ShapeDtypeStruct((32, 64), jnp.float32, sharding=whole),
    )
    compiled = jax.jit(function, out_shardings=whole).lower(*arguments).compile()
    program = parse_program(compiled.as_text() or "")
    (one,) = find_collectives(program)
    assert (one.kind, one.group_size, one.num_groups, one.times) == ("all-reduce", 8, 1, 1)
    assert one.num_bytes == 64 * 4
    assert np.prod(one.arrays[0][0].shape) == 64
    assert program.num_partitions == 8
    assert dependent_exchanges(program) == 1
    assert count_contractions(program) == 2 * 2 * 32 * 64
