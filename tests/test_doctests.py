"""Every example in a docstring gives what it says."""

import doctest
from importlib import import_module
from pkgutil import walk_packages

import pytest

import uncone

MODULES = sorted(found.name for found in walk_packages(uncone.__path__, "uncone.") if "__main__" not in found.name)


@pytest.fixture(scope="module", autouse=True)
def told_before() -> None:
    """sentence-transformers tells the mode of W&B on stdout when it is first imported."""
    import_module("sentence_transformers")


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    found = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert not found.failed
