"""What a trained network computes, as a function of arrays with names: what leaves for elsewhere.

A paper says it in `inference_function` of its trained network; see any of them.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax import export

from jaxrepro.core.errors import InputError
from jaxrepro.core.state import Variables


@dataclasses.dataclass(frozen=True)
class Input:
    """An argument.

    shape: numbers and sizes by name, such as "batch, 8*height, 8*width, 3"; those of one name are
    equal in all inputs. below: values lie in [0, below), whole numbers for whole dtypes; None for
    numbers of a standard normal distribution. meaning: in words, for the card.
    """

    name: str
    shape: str
    dtype: str
    below: float | None
    meaning: str

    def concrete(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """Returns the shape at sizes by name, of which each of the shape's must be there."""
        return tuple(
            int(np.prod([sizes[w] if w in sizes else int(w) for w in word.split("*")]))
            for word in self.words
        )

    def drawn(self, rng: np.random.Generator, sizes: Mapping[str, int]) -> np.ndarray:
        """Returns an array of that kind, drawn at random."""
        shape = self.concrete(sizes)
        if self.below is None:
            return rng.standard_normal(shape).astype(self.dtype)
        if np.issubdtype(self.dtype, np.integer):
            return rng.integers(0, int(self.below), shape).astype(self.dtype)
        return (rng.random(shape) * self.below).astype(self.dtype)

    @property
    def words(self) -> list[str]:
        """The shape's parts."""
        return [word.strip() for word in self.shape.split(",") if word.strip()]


@dataclasses.dataclass(frozen=True)
class InferenceFunction:
    """`function(variables, *inputs)` returns one array; pure, not jitted.

    sizes: by name, a number for each size in the inputs' shapes: what the network was trained for,
    or what is usual. It is tried at these, and forms that hold no sizes by name take them instead.
    output: name of what is returned; meaning: in words, with its shape and range.
    """

    function: Callable[..., jax.Array]
    variables: Variables
    inputs: Sequence[Input]
    output: str
    meaning: str
    sizes: Mapping[str, int]

    def __call__(self, *inputs: Any) -> jax.Array:
        """Returns what the function makes of the inputs."""
        return self.function(self.variables, *inputs)

    def on_host(self) -> "InferenceFunction":
        """Returns it with variables of numpy, which belong to no device."""
        return dataclasses.replace(self, variables=jax.device_get(self.variables))

    def at_sizes(self, given: Mapping[str, int]) -> "InferenceFunction":
        """Returns it with other numbers for some sizes; raises InputError for unknown names."""
        if strange := sorted(given.keys() - self.sizes.keys()):
            raise InputError(f"size {strange[0]!r} given; this network has {', '.join(self.sizes)}")
        if wrong := [f"{name}={number}" for name, number in given.items() if number < 1]:
            raise InputError(f"size {wrong[0]} given; sizes are 1 or more")
        return dataclasses.replace(self, sizes={**self.sizes, **given})

    def specs(self, free: Sequence[str]) -> list[jax.ShapeDtypeStruct]:
        """Returns shapes and dtypes of the inputs: the sizes `free` by name, others as numbers."""
        scope = export.SymbolicScope()
        specs = []
        for one in self.inputs:
            numbers = one.concrete(self.sizes)
            words = [
                word if set(word.split("*")) & set(free) else str(number)
                for word, number in zip(one.words, numbers, strict=True)
            ]
            # The comma makes a shape of one size a shape.
            shape = export.symbolic_shape(",".join(words) + ",", scope=scope)
            specs.append(jax.ShapeDtypeStruct(shape, np.dtype(one.dtype)))
        return specs

    def described(self, specs: Sequence[jax.ShapeDtypeStruct]) -> dict[str, Any]:
        """Returns, as JSON, what goes in, in these shapes, and what comes out."""
        inputs = [
            {
                "name": one.name,
                "shape": [n if isinstance(n, int) else str(n) for n in spec.shape],
                "dtype": one.dtype,
                "meaning": one.meaning,
            }
            for one, spec in zip(self.inputs, specs, strict=True)
        ]
        return {"inputs": inputs, "output": {"name": self.output, "meaning": self.meaning}}
