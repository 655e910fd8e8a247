"""Somebody else's implementation: `MODULE:FUNCTION`, imported, and which kind of thing it is."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["KINDS", "kind_of", "load"]

KINDS = {
    "estimator": "(score, x, p, ...) -> value, (value, standard_error) or an Estimate",
    "exact": "(weights, means, covariances, x, p) -> value, or a class of the first three with p_laplacian(x, p)",
    "network": "(x, level) -> score",
}


def load(specification: str) -> Callable[..., Any]:
    """The object that `package.module:name` or `path/to/file.py:name` names; `name` may have dots.

    The current folder is on the path, as for `python -m`.

    Raises:
        ValueError: no colon, no such module, file or name, or what it names cannot be called.
    """
    where, colon, name = specification.rpartition(":")
    if not (colon and where and name):
        raise ValueError(f"{specification!r} was given; expected is MODULE:FUNCTION or FILE.py:FUNCTION")
    found: Any = _from_file(Path(where)) if where.endswith(".py") else _from_module(where)
    for part in name.split("."):
        if not hasattr(found, part):
            public = [each for each in vars(found) if not each.startswith("_") and callable(getattr(found, each))]
            raise ValueError(f"{where} has no {part!r}; it has {', '.join(public) or 'nothing that can be called'}")
        found = getattr(found, part)
    if not callable(found):
        raise ValueError(f"{specification} is a {type(found).__name__}; accepted are functions and classes")
    return found


def _from_module(name: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            raise ValueError(
                f"no module {error.name!r} here; looked in {Path.cwd()} and among what is installed"
            ) from None
        raise


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ValueError(f"no file {path}")
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules.setdefault(path.stem, module)  # what dataclasses and pickles look for
    specification.loader.exec_module(module)
    return module


def kind_of(function: Callable[..., Any]) -> str:
    """The key of `KINDS` that the names of the first parameters say.

    Raises:
        ValueError: they say none; asks for the kind.
    """
    if hasattr(function, "score") and hasattr(function, "levels"):
        return "network"  # a ScoreModel
    function = getattr(function, "forward", function)  # of a torch module: what its call takes
    try:
        names = [name.lower() for name in inspect.signature(function).parameters]
    except ValueError:  # builtins do not say
        names = []
    if inspect.isclass(function) and hasattr(function, "p_laplacian"):
        return "exact"
    if any("score" in name for name in names[:1]) or names[:1] in (["f"], ["model"], ["field"]):
        return "estimator"
    if names[:1] and names[0].startswith(("weight", "mixture")):
        return "exact"
    if len(names) >= 2 and names[1] in ("level", "sigma", "t", "time", "noise", "noise_level", "timestep", "timesteps"):
        return "network"
    described = "; ".join(f"{name}: {form}" for name, form in KINDS.items())
    raise ValueError(f"parameters ({', '.join(names)}) do not say what it is; name the kind ({described})")
