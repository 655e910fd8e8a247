"""Calling somebody else's score network: its arrays, and the form in which it is told the level."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from plaplace.models import Level
from plaplace.models.predictions import PREDICTIONS
from plaplace.verify.arrays import Backend
from plaplace.verify.network.levels import ENCODINGS, Path, told

__all__ = ["Network", "settle", "what_is_told"]

FORMS = ("a number", "a row each, (B,)", "a whole number a row, (B,)")


@dataclass(frozen=True)
class Network:
    """A network with what was found out about how it is called.

    Attributes:
        function: (x, level) -> output.
        backend: whose arrays it takes.
        path: the levels it is asked at.
        shape: of one point.
        told: "level", "sigma" or "t".
        form: an entry of `FORMS`.
        dtype: of the points it takes.
        prediction: what its output is said to mean, a key of `models.predictions.PREDICTIONS`.
    """

    function: Callable[..., Any]
    backend: Backend
    path: Path
    shape: tuple[int, ...]
    told: str
    form: str
    dtype: torch.dtype
    prediction: str

    def native(self, x: Any, level: Level, encoding: str = "") -> Any:
        """Its own output on its own arrays, told the level as an entry of `ENCODINGS` has it."""
        number: Any = level.sigma if self.told == "sigma" and not encoding else ENCODINGS[encoding](level, self.path)
        if self.told == "level":
            return self.function(x, level)
        if self.form == FORMS[0]:
            return self.function(x, number)
        dtype = torch.int64 if self.form == FORMS[2] else self.dtype
        return self.function(x, self.backend.to(torch.full((len(x),), number, dtype=dtype)))

    def output(self, x: Tensor, level: Level, encoding: str = "") -> Tensor:
        """Its output at points (B, D), in float64."""
        with torch.no_grad():
            given = self.backend.to(x.reshape(-1, *self.shape).to(self.dtype))
            return self.backend.back(self.native(given, level, encoding)).double().reshape(x.shape)

    def score(self, x: Tensor, level: Level) -> Tensor:
        """The score that follows from its output, (B, D) float64."""
        return PREDICTIONS[self.prediction](self.output(x, level), x.to(self.dtype).double(), level)


def what_is_told(function: Callable[..., Any]) -> str:
    """ "level", "sigma" or "t", by the name of the second parameter."""
    called = function.forward if isinstance(function, torch.nn.Module) else function
    parameters = list(inspect.signature(called).parameters)
    return told(parameters[1]) if len(parameters) > 1 else "t"


def settle(
    function: Callable[..., Any], backend: Backend, path: Path, shape: tuple[int, ...], prediction: str, x: Tensor
) -> tuple[Network | None, str]:
    """The first form of call that gives an output shaped like x, and what the others gave, in words.

    Args:
        x: a few points, (B, D); it is asked in the middle of the path.
    """
    what = what_is_told(function)
    spread = path.spread(3)
    level = spread[len(spread) // 2]
    failed: list[str] = []
    for dtype in (torch.float64, torch.float32):
        for form in FORMS[:1] if what == "level" else FORMS:
            if form == FORMS[2] and level.t != int(level.t):
                continue
            network = Network(function, backend, path, shape, what, form, dtype, prediction)
            given = x.reshape(-1, *shape).to(dtype)
            try:
                with torch.no_grad():
                    output = backend.back(network.native(backend.to(given), level))
            except Exception as error:  # whatever a stranger's function raises is an answer
                failed.append(f"{_name(dtype)}, level as {form}: {type(error).__name__}: {error}")
                continue
            if output.shape == given.shape:
                return network, ""
            failed.append(
                f"{_name(dtype)}, level as {form}: it returned {tuple(output.shape)} for {tuple(given.shape)}"
            )
    # an answer of another shape says more than an error, and single precision is what most networks take
    told_most = [each for each in failed if "it returned" in each] or failed[-2:]
    return None, "; ".join(told_most)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
