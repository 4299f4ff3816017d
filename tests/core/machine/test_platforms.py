import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.machine import platforms


@pytest.fixture
def machine(monkeypatch):
    """Sets what is installed and what JAX_PLATFORMS says."""

    def have(packages, given):
        monkeypatch.setattr(platforms, "_is_installed", lambda package: package in packages)
        monkeypatch.setattr(platforms, "_other_plugins", list)
        monkeypatch.setenv("JAX_PLATFORMS", given)

    return have


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("cuda", "'jaxrepro[cuda12]'"),
        ("gpu", "'jaxrepro[cuda12]'"),
        ("tpu", "'jaxrepro[tpu]'"),
        ("tpu,cpu", "'jaxrepro[tpu]'"),
        ("nonsense", "unset JAX_PLATFORMS"),
        ("cpu,", "unset JAX_PLATFORMS"),
    ],
)
def test_a_platform_that_is_not_installed_is_refused(given, advice, machine):
    machine((), given)
    with pytest.raises(InputError) as caught:
        platforms.check_given()
    for text in (f"JAX_PLATFORMS={given} ", "here there is cpu;", advice, "unset JAX_PLATFORMS"):
        assert text in str(caught.value)


@pytest.mark.parametrize(
    ("packages", "given"),
    [
        ((), ""),
        ((), "cpu"),
        ((), "cuda,cpu"),
        (("jax_cuda12_plugin",), "cuda"),
        (("jax_cuda13_plugin",), "gpu"),
        (("libtpu",), "tpu,cpu"),
    ],
)
def test_what_jax_takes_is_left_to_it(packages, given, machine):
    machine(packages, given)
    platforms.check_given()


def test_platforms_of_other_makers_are_left_to_jax(machine, monkeypatch):
    machine((), "metal")
    monkeypatch.setattr(platforms, "_other_plugins", lambda: ["metal"])
    platforms.check_given()


def of_jax(error):
    """Returns `error` as JAX's own function `backends` raises it."""
    space = {"__name__": "jax._src.xla_bridge", "error": error}
    exec("def backends(): raise error", space)
    try:
        space["backends"]()
    except BaseException as raised:
        return raised


def test_a_platform_without_a_device_is_one_line(machine):
    machine(("jax_cuda12_plugin",), "cuda")
    text = str(platforms.failure(of_jax(AssertionError())))
    assert "JAX finds no such device; pip install 'jaxrepro[cuda12]'" in text
    text = str(platforms.failure(of_jax(RuntimeError("Unable to\ninitialize backend"))))
    assert "(Unable to initialize backend)" in text
    machine((), "")
    text = str(platforms.failure(of_jax(RuntimeError("no driver"))))
    assert text == "JAX finds no device: no driver; JAX_PLATFORMS=cpu runs on the CPU"


def test_other_errors_are_none_of_a_platform():
    assert platforms.failure(AssertionError()) is None
    assert platforms.failure(of_jax(ValueError())) is None
