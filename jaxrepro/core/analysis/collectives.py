"""What the devices of a compiled program send each other."""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence

from jaxrepro.core.analysis.hlo import Array, Instruction, Program
from jaxrepro.core.analysis.replica_groups import largest, parse_groups, written_groups

_KINDS = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "all-to-all",
    "ragged-all-to-all",
    "collective-permute",
    "collective-broadcast",
)
# The name under which a step makes what devices exchange for the statistics of a batch.
BATCH_STATISTICS = "batch_statistics"
# What an array is sent for, by the first pattern found in the source of what it is made from.
LOGS, OTHER = "losses and logs", "other"
PARTS = (
    ("batch statistics", re.compile(rf"\b{BATCH_STATISTICS}\b")),
    ("gradients", re.compile(r"transpose\(")),
    # Of the loss itself, outside of every module.
    (LOGS, re.compile(r"jvp\(\)/")),
)


@dataclasses.dataclass(frozen=True)
class Collective:
    """One exchange between devices, as the compiler combined it.

    kind: such as "all-reduce". arrays: what it leaves on each device, with the part of the step it
    is for: gradients, batch statistics, losses and logs, or other. group_size: devices that
    exchange with each other, in num_groups such groups; groups: as XLA writes them. times: how
    often one run of the program does it. source: where the program's text made it.
    """

    kind: str
    arrays: tuple[tuple[Array, str], ...]
    group_size: int
    num_groups: int
    groups: str
    times: int
    source: str

    @property
    def num_bytes(self) -> int:
        """Bytes of its result on a device, each time."""
        return sum(array.num_bytes for array, _ in self.arrays)

    @property
    def sent_bytes(self) -> float:
        """The least that a device must send, each time, if all devices send equally much."""
        return self.num_bytes * ring_factor(self.kind, self.group_size)


def ring_factor(kind: str, group_size: int) -> float:
    """Returns the bytes that a device of a ring sends for each byte that it is left with.

    2 (N - 1) / N for an all-reduce of N devices: a reduce-scatter and an all-gather, each of
    (N - 1) / N, and no algorithm sends less (Patarasuk & Yuan, J. Parallel Distrib. Comput. 69,
    2009). N - 1 for a reduce-scatter, whose result is an N-th.
    """
    others = group_size - 1
    if kind == "all-reduce":
        return 2 * others / group_size
    if kind == "reduce-scatter":
        return float(others)
    if kind in ("all-gather", "all-to-all", "ragged-all-to-all"):
        return others / group_size
    return 1.0 if others else 0.0


def find_collectives(program: Program) -> list[Collective]:
    """Returns the collectives of a program in the order of its text.

    Asynchronous ones are counted where they start. Raises InputError where XLA writes their groups
    in a form that is not known.
    """
    return [
        _collective(instruction, instructions, program, times)
        for name, instructions in program.computations.items()
        if (times := program.times[name])
        for instruction in instructions.values()
        if instruction.opcode.removesuffix("-start") in _KINDS
    ]


def dependent_exchanges(program: Program) -> int:
    """Returns how many collectives a run makes one after the other, whatever is combined.

    Those of one computation of which none waits for another count as one: a compiler may merge
    them. This is the least that merging could leave.
    """
    total = 0
    for name, instructions in program.computations.items():
        levels: dict[str, int] = {}
        for instruction in instructions.values():
            before = max((levels.get(operand, 0) for operand in instruction.operands), default=0)
            sends = instruction.opcode.removesuffix("-start") in _KINDS
            levels[instruction.name] = before + sends
        total += program.times[name] * max(levels.values(), default=0)
    return total


def bytes_by_part(collectives: Sequence[Collective]) -> dict[str, int]:
    """Returns the bytes of the results on a device in one run, by what they are for."""
    totals: dict[str, int] = {}
    for collective in collectives:
        for array, part in collective.arrays:
            totals[part] = totals.get(part, 0) + collective.times * array.num_bytes
    return totals


def _collective(
    instruction: Instruction,
    instructions: Mapping[str, Instruction],
    program: Program,
    times: int,
) -> Collective:
    kind = instruction.opcode.removesuffix("-start")
    results = instruction.results
    if instruction.opcode != kind and kind != "all-reduce":
        # The start of these leaves the operands, the results and, for some, two counters.
        count = len(instruction.operands)
        results = results[count : 2 * count]
    sources = _sources(instruction, len(results), instructions)
    arrays = tuple((x, _part(x, source)) for x, source in zip(results, sources, strict=True))
    written = written_groups(instruction.attributes)
    groups = parse_groups(written, program.num_partitions)
    # The pairs of a permute are no groups: a device sends to one other.
    size = 2 if kind == "collective-permute" else largest(groups)
    return Collective(kind, arrays, size, len(groups), written, times, instruction.source)


def _sources(
    instruction: Instruction, number: int, instructions: Mapping[str, Instruction]
) -> list[str]:
    """Returns where each of the `number` arrays of a collective was made.

    XLA writes a combined one's sources as "common/(first:second:...)", or as one name if they are
    the same. Where that does not tell, what each array is made from does.
    """
    source = instruction.source
    listed = [source]
    if source.endswith(")"):
        opening = _opening(source)
        listed = [source[:opening] + one for one in _split(source[opening + 1 : -1])]
    if len(listed) == number:
        return listed
    if len(listed) == 1 and any(pattern.search(source) for _, pattern in PARTS):
        return [source] * number
    operands = [instructions.get(operand) for operand in instruction.operands]
    if len(operands) != number:
        return [source] * number
    return [(made.source if made is not None else "") or source for made in operands]


def _opening(text: str) -> int:
    """Returns the index of the parenthesis that the text's last character closes."""
    depth = 0
    for index in range(len(text) - 1, -1, -1):
        depth += (text[index] == ")") - (text[index] == "(")
        if depth == 0:
            return index
    return len(text) - 1


def _split(text: str) -> list[str]:
    """Returns the pieces between the colons that stand in no parentheses."""
    pieces, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == ":" and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    return pieces


def _part(array: Array, source: str) -> str:
    for part, pattern in PARTS:
        if pattern.search(source):
            return part
    return OTHER if math.prod(array.shape) > 1 else LOGS
