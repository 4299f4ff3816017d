"""A compiled program as XLA prints it: its computations, instructions and how often they run."""

import dataclasses
import functools
import math
import re
from collections.abc import Iterable, Mapping

# Bytes of one element. What XLA packs tighter than a byte does not occur in a training step.
_ELEMENT_BYTES = {"pred": 1, "token": 0, "opaque": 0}
_HEADER = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\{$")
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?([\w.\-]+) = (.*)$")
_ARRAY = re.compile(r"(\w+)\[([\d,<=]*)\]")
_CALLED = re.compile(
    r"\b(?:calls|to_apply|body|condition|true_computation|false_computation)=%?([\w.\-]+)"
)
_BRANCHES = re.compile(r"\bbranch_computations=\{([^}]*)\}")


@dataclasses.dataclass(frozen=True)
class Array:
    """An array on one device: dtype as XLA writes it, such as "f32", and shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        """What it takes."""
        if (size := _ELEMENT_BYTES.get(self.dtype)) is None:
            bits = re.search(r"\d+", self.dtype)
            size = math.ceil(int(bits[0]) / 8) if bits else 0
        return math.prod(self.shape) * size


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One instruction: results are the arrays of its result, in order; operands are names.

    attributes: what stands behind the operands, as it is written.
    """

    name: str
    opcode: str
    results: tuple[Array, ...]
    operands: tuple[str, ...]
    attributes: str

    @property
    def source(self) -> str:
        """Where JAX's trace made it, such as "jit(step)/jvp(Generator)/reduce_sum", or ""."""
        match = re.search(r'op_name="([^"]*)"', self.attributes)
        return match[1] if match else ""


@dataclasses.dataclass(frozen=True)
class Program:
    """The computations by name, and how often one run of the program runs each.

    num_partitions: devices that the program was compiled for; loops_counted_once: loops of a
    length that XLA does not state.
    """

    computations: Mapping[str, Mapping[str, Instruction]]
    times: Mapping[str, int]
    num_partitions: int
    loops_counted_once: int


def parse_program(text: str) -> Program:
    """Returns the program of `compiled.as_text()`.

    Raises ValueError for a text without an entry computation.
    """
    computations: dict[str, dict[str, Instruction]] = {}
    entry = ""
    body: dict[str, Instruction] = {}
    for line in text.splitlines():
        if (header := _HEADER.match(line)) is not None:
            body = computations[header[2]] = {}
            entry = header[2] if header[1] else entry
        elif (match := _INSTRUCTION.match(line)) is not None:
            body[match[1]] = _instruction(match[1], match[2])
    if not entry:
        raise ValueError("no entry computation: this is not an HLO module's text")
    partitions = re.search(r"\bnum_partitions=(\d+)", text.partition("\n")[0])
    times, unknown = _times(computations, entry)
    return Program(computations, times, int(partitions[1]) if partitions else 1, unknown)


def _instruction(name: str, rest: str) -> Instruction:
    end = _closing(rest, 0) + 1 if rest.startswith("(") else rest.index(" ")
    kind, rest = rest[:end], rest[end:].lstrip()
    opening = rest.index("(")
    closing = _closing(rest, opening)
    results = (Array(d, _shape(sizes)) for d, sizes in _ARRAY.findall(kind))
    operands = re.findall(r"%([\w.\-]+)", rest[opening:closing])
    return Instruction(name, rest[:opening], tuple(results), tuple(operands), rest[closing + 1 :])


def _closing(text: str, opening: int) -> int:
    """Returns the index of the parenthesis that closes the one at `opening`."""
    depth = 0
    for match in re.compile(r"[()]").finditer(text, opening):
        depth += 1 if match[0] == "(" else -1
        if depth == 0:
            return match.start()
    raise ValueError(f"unbalanced parentheses in {text[:200]!r}")


def _shape(sizes: str) -> tuple[int, ...]:
    return tuple(int(size.lstrip("<=")) for size in sizes.split(",") if size)


def _times(
    computations: Mapping[str, Mapping[str, Instruction]], entry: str
) -> tuple[dict[str, int], int]:
    """Returns (how often each computation runs, loops of unknown length).

    A loop's condition counts as often as its body; of a condition's branches each counts, since
    one may hold what another does not.
    """
    callers: dict[str, list[tuple[str, int]]] = {name: [] for name in computations}
    unknown = 0
    for name, instructions in computations.items():
        for instruction in instructions.values():
            times = 1
            if instruction.opcode == "while":
                known = re.search(r'known_trip_count":\{"n":"(\d+)"', instruction.attributes)
                unknown += known is None
                times = int(known[1]) if known else 1
            for called in _called(instruction.attributes):
                if called in callers:
                    callers[called].append((name, times))

    @functools.cache
    def runs(name: str) -> int:
        if name == entry:
            return 1
        return sum(runs(caller) * times for caller, times in callers[name])

    return {name: runs(name) for name in computations}, unknown


def _called(attributes: str) -> Iterable[str]:
    yield from _CALLED.findall(attributes)
    if (branches := _BRANCHES.search(attributes)) is not None:
        yield from re.findall(r"[\w.\-]+", branches[1])
