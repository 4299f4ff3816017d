"""Says which packages are installed: `jaxrepro`, and in it the configs of the top level."""

from setuptools import find_namespace_packages, setup

setup(
    packages=[*find_namespace_packages(include=["jaxrepro*"]), "jaxrepro.configs"],
    package_dir={"jaxrepro": "jaxrepro", "jaxrepro.configs": "configs"},
)
