import jax
import jax.numpy as jnp
import pytest

from jaxrepro.core.analysis.step_memory import StepLayout, parse_bytes
from jaxrepro.core.devices import platform
from jaxrepro.core.errors import InputError
from jaxrepro.core.update import step as step_lib
from jaxrepro.nn.forms import operations


@pytest.mark.parametrize(
    ("text", "num_bytes"),
    [
        ("16GB", 16 * 10**9),
        ("16GiB", 16 * 2**30),
        ("80e9", 80 * 10**9),
        ("1.5 mb", 1_500_000),
        ("512KiB", 512 * 1024),
        ("100B", 100),
        ("2TB", 2 * 10**12),
    ],
)
def test_parse_bytes(text, num_bytes):
    assert parse_bytes(text) == num_bytes


@pytest.mark.parametrize("text", ["", "GB", "16 G", "16XB", "-1GB", "0GB", "1e", "nan"])
def test_parse_bytes_refuses(text):
    with pytest.raises(InputError, match=r"write 16GB .16e9 bytes., 16GiB"):
        parse_bytes(text)


def test_more_devices_than_there_are():
    with pytest.raises(InputError, match=r"^9 devices asked for and 8 are here"):
        StepLayout(9, 1, 0).mesh()
    with pytest.raises(InputError, match=r"mesh\.fsdp=3 does not divide the 4 devices"):
        StepLayout(4, 3, 0).mesh()
    assert StepLayout(4, 2, 0).mesh().shape == {"data": 2, "fsdp": 2}


def test_traced_for_accelerators():
    """Loops stay loops and no operation is rewritten for CPU, inside alone."""

    def program():
        function = lambda xs: step_lib.sequential(lambda c, x: (c + x, x), 0.0, xs)  # noqa: E731
        return jax.jit(function).lower(jnp.ones(3)).as_text()

    assert platform.on_cpu()
    assert "while" not in program()
    with platform.traced_for_accelerators():
        assert not platform.on_cpu()
        assert "while" in program()
        assert operations.operations() is operations.DEFINITIONS
    assert operations.operations() is operations.FOR_CPU
    assert platform.on_cpu()
