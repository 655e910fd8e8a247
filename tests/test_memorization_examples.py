"""The examples in the docstrings of the memorization part show true numbers."""

import doctest
import importlib
import pkgutil

import pytest

import plaplace.memorization

MODULES = [each.name for each in pkgutil.walk_packages(plaplace.memorization.__path__, "plaplace.memorization.")]


@pytest.mark.parametrize("name", ["plaplace.memorization", *MODULES])
def test_examples(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.failed == 0
