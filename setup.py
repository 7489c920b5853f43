"""The folder conf/ travels inside the package; all else stands in pyproject.toml."""

from setuptools import find_namespace_packages, setup

setup(packages=[*find_namespace_packages("src"), "uncone.conf"], package_dir={"": "src", "uncone.conf": "conf"})
