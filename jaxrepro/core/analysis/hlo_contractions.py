"""Floating point operations of convolutions and products in a compiled program."""

import math
import re

from jaxrepro.core.analysis.flops import meeting_pairs
from jaxrepro.core.analysis.hlo import Array, Instruction, Program


def count_contractions(program: Program) -> int:
    """Returns the operations of one run on one device, two for a multiplication and its addition.

    Loops count as often as they run. Padding and the holes of dilated operands are left out, as in
    `jaxrepro.core.analysis.flops`, whose count over all devices this is to be compared with: where
    devices compute the same thing, theirs together are more. Integers, and what a kernel of another
    language computes, are left out.
    """
    total = 0
    for name, instructions in program.computations.items():
        for instruction in instructions.values():
            if instruction.opcode not in ("dot", "convolution"):
                continue
            operands = [instructions[operand].results[0] for operand in instruction.operands]
            if not instruction.results[0].dtype.startswith(("f", "bf")):
                continue
            count = _dot if instruction.opcode == "dot" else _convolution
            total += program.times[name] * 2 * count(instruction, *operands)
    return total


def _dot(instruction: Instruction, left: Array, right: Array) -> int:
    del right
    contracted = re.search(r"lhs_contracting_dims=\{([\d,]*)\}", instruction.attributes)
    axes = [int(axis) for axis in contracted[1].split(",") if axis] if contracted else []
    depth = math.prod(left.shape[axis] for axis in axes)
    return math.prod(instruction.results[0].shape) * depth


def _convolution(instruction: Instruction, operand: Array, kernel: Array) -> int:
    labels = re.search(r"dim_labels=(\w+)_(\w+)->(\w+)", instruction.attributes)
    if labels is None:
        raise ValueError(f"no dim_labels in convolution {instruction.name}")
    of_operand, of_kernel, of_result = labels[1], labels[2], labels[3]
    result = instruction.results[0]
    window = _window(instruction.attributes)
    pairs = []
    for axis in range(len(result.shape) - 2):
        label = str(axis)
        pairs.append(
            meeting_pairs(
                operand.shape[of_operand.index(label)],
                kernel.shape[of_kernel.index(label)],
                result.shape[of_result.index(label)],
                stride=window["stride"][axis],
                before=window["pad"][axis],
                holes=window["lhs_dilate"][axis],
                spread=window["rhs_dilate"][axis],
            )
        )
    examples = result.shape[of_result.index("b")] * result.shape[of_result.index("f")]
    return examples * kernel.shape[of_kernel.index("i")] * math.prod(pairs)


def _window(attributes: str) -> dict[str, list[int]]:
    """Returns stride, padding in front and dilations of each axis; axes without are padded here."""
    match = re.search(r"window=\{([^}]*)\}", attributes)
    words = dict(word.split("=") for word in match[1].split()) if match else {}
    rank = len(words["size"].split("x")) if "size" in words else 0

    def numbers(name: str, default: int) -> list[int]:
        if name not in words:
            return [default] * rank
        return [int(number.partition("_")[0]) for number in words[name].split("x")]

    return {
        "stride": numbers("stride", 1),
        "pad": numbers("pad", 0),
        "lhs_dilate": numbers("lhs_dilate", 1),
        "rhs_dilate": numbers("rhs_dilate", 1),
    }
