"""Calling somebody else's estimator: its parameters by their usual names, its answer in one form."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from plaplace.verify.arrays import Backend, Native

__all__ = ["ROLES", "Answer", "Bound", "bind"]

# role -> the parameter names that mean it
ROLES = {
    "radius": ("radius", "R", "r", "ball_radius", "sphere_radius"),
    "step": ("step", "h", "delta", "step_size", "dx"),
    "number": (
        *("num_directions", "num_probes", "num_points", "num_samples", "n_directions", "n_probes", "n_points"),
        *("n_samples", "num_dirs", "n_dirs", "directions_count", "m", "n", "num"),
    ),
    "random": ("generator", "seed", "rng", "key", "random_state", "prng_key"),
}

# directions on a sphere; probes at a point, so few that the largest scene has more dimensions
NUMBERS = {"ball": 64, "point": 16}


@dataclass(frozen=True)
class Answer:
    """What one call gave.

    Attributes:
        value: (B, P) float64.
        error: the standard error, (B, P) float64, or None where none is returned.
        stated_cost: evaluations a point that it says it took, or None.
        freedom: degrees of freedom of the error, inf where none are stated.
        dtype: of the value as returned.
        remarks: what had to be put right to read it, in words.
    """

    value: Tensor
    error: Tensor | None
    stated_cost: float | None
    freedom: float
    dtype: torch.dtype
    remarks: tuple[str, ...] = ()


@dataclass
class Bound:
    """An estimator with its settings and the names of its parameters.

    Attributes:
        function: the estimator.
        backend: whose arrays it takes.
        names: role -> parameter name, of the roles of `ROLES` that it has.
        settings: every other keyword argument.
        number: of directions or probes, None where it has no such parameter.
        many: whether it takes a sequence of p; found out at the first call.
    """

    function: Callable[..., Any]
    backend: Backend
    names: dict[str, str]
    settings: dict[str, Any]
    number: int | None
    many: bool | None = field(default=None)

    @property
    def fixed_length(self) -> float | None:
        """The radius or step that a setting fixes; None where it is free."""
        given = [
            self.settings[self.names[role]] for role in ("radius", "step") if self.names.get(role) in self.settings
        ]
        return None if not given or given[0] is None else float(given[0])

    def __call__(self, score: Native, x: Tensor, p: Sequence[float], length: float | None, seed: int) -> Answer:
        """Values at x, (B, *shape), for all p, with a radius or a step, from one seed."""
        if self.many is None:
            self.many = self._takes_many(score, x, p, length, seed)
        if self.many and len(p) > 1:
            return _read(self.ask(score, self.backend.to(x), [*p], length, seed), self.backend, len(x), len(p))
        answers = [_read(self.ask(score, self.backend.to(x), q, length, seed), self.backend, len(x), 1) for q in p]
        errors = [each.error for each in answers if each.error is not None]
        return Answer(
            torch.cat([each.value for each in answers], 1),
            torch.cat(errors, 1) if len(errors) == len(answers) else None,
            answers[0].stated_cost,
            answers[0].freedom,
            answers[0].dtype,
            tuple(dict.fromkeys(remark for each in answers for remark in each.remarks)),
        )

    def _takes_many(self, score: Native, x: Tensor, p: Sequence[float], length: float | None, seed: int) -> bool:
        try:
            answer = _read(self.ask(score, self.backend.to(x), [*p], length, seed), self.backend, len(x), len(p))
        except Exception:  # a scalar p is all that is demanded
            return False
        return bool(answer.value.shape == (len(x), len(p)))

    def ask(self, score: Native, x: Any, p: Any, length: float | None, seed: int) -> Any:
        """One call as the function sees it, x in its own arrays: what it returns."""
        arguments = dict(self.settings)
        for role in ("radius", "step"):
            if role in self.names and length is not None and self.names[role] not in self.settings:
                arguments[self.names[role]] = length
        if "number" in self.names and self.number is not None:
            arguments.setdefault(self.names["number"], self.number)
        self.backend.seed(seed)  # of the global sources, for those who draw from them
        if "random" in self.names:
            name = self.names["random"]
            annotation = _signature(self.function).parameters[name].annotation
            arguments[name] = self.backend.random(name, seed, annotation)
        return self.function(score, x, p, **arguments)


def bind(
    function: Callable[..., Any], backend: Backend, settings: Mapping[str, Any], number: int | None = None
) -> Bound:
    """Find out what the parameters after (score, x, p) mean.

    Args:
        settings: keyword arguments that are always passed; they win over what a name means.
        number: of directions or probes, where it can be told; None: `NUMBERS`.

    Raises:
        ValueError: fewer than three parameters, a setting that is none of them, or one without a default that no name
            in `ROLES` and no setting gives.
    """
    settings = dict(getattr(function, "keywords", {})) | dict(settings)  # of a partial: what it binds stays bound
    parameters = _signature(function).parameters
    anything = any(each.kind == each.VAR_KEYWORD for each in parameters.values())
    positional = [name for name, each in parameters.items() if each.kind in (0, 1)]
    if len(positional) < 3:
        raise ValueError(f"the parameters are ({', '.join(parameters)}); an estimator takes score, x and p by position")
    others = [name for name in parameters if name not in positional[:3]]
    unknown = [name for name in settings if name not in others and not anything]
    if unknown:
        raise ValueError(f"settings {unknown} were given; the parameters after p are {others or 'none'}")
    names: dict[str, str] = {}
    for role, known in ROLES.items():
        found = [name for name in known if name in others and (name not in settings or role != "random")]
        if found:
            names[role] = found[0]
    if "radius" in names:
        names.pop("step", None)  # a difference step besides a radius is the estimator's own affair
    missing = [
        name
        for name in others
        if parameters[name].default is inspect.Parameter.empty
        and parameters[name].kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        and name not in settings
        and name not in names.values()
    ]
    if missing:
        raise ValueError(
            f"the parameter {missing[0]!r} has no default and no name that says what it is; give it: "
            f"--set {missing[0]}=VALUE"
        )
    usual = NUMBERS["ball" if "radius" in names else "point"] if number is None else number
    chosen = int(settings.get(names["number"], usual)) if "number" in names else None
    return Bound(function, backend, names, dict(settings), chosen)


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(getattr(function, "forward", function))  # of a torch module: what its call takes


def _read(answer: Any, backend: Backend, rows: int, exponents: int) -> Answer:
    """Value, standard error and cost of whatever was returned: an Estimate, a tuple, a dict or a bare array."""
    error = cost = None
    freedom = math.inf
    if hasattr(answer, "value") and hasattr(answer, "standard_error"):
        value, error, cost = answer.value, answer.standard_error, getattr(answer, "num_evaluations", None)
        freedom = getattr(answer, "degrees_of_freedom", math.inf)
    elif isinstance(answer, Mapping):
        if "value" not in answer:
            raise ValueError(
                f"a dict with {sorted(answer)} was returned; read are value, standard_error, num_evaluations"
            )
        value, error = answer["value"], answer.get("standard_error")
        cost = answer.get("num_evaluations")
    elif isinstance(answer, tuple | list) and 1 <= len(answer) <= 3 and not _numbers(answer):
        value, error, cost = (*answer, None, None)[:3]
    else:
        value = answer
    raw = backend.back(value)
    remarks: list[str] = []
    read = _shaped(raw, rows, exponents, remarks)
    read_error = None if error is None else _shaped(backend.back(error), rows, exponents, [])
    steps = torch.as_tensor(freedom, dtype=torch.float64)
    spent = None if cost is None else float(torch.as_tensor(cost, dtype=torch.float64).mean())
    return Answer(read, read_error, spent, float(steps.min()), raw.dtype, tuple(remarks))


def _shaped(raw: Tensor, rows: int, exponents: int, remarks: list[str]) -> Tensor:
    """As (B, P) float64; a transposed answer is turned and remarked on, any other shape is a ValueError."""
    expected = [(rows, exponents)] if exponents > 1 else [(rows,), (rows, 1)]
    shape, tensor = tuple(raw.shape), raw.detach().double().cpu()
    if shape in expected or (tensor.numel() == rows * exponents == 1):
        return tensor.reshape(rows, exponents)
    if shape == expected[-1][::-1]:
        remarks.append(f"axes are swapped: the value has shape {shape}, exponents first; expected {expected[0]}")
        return tensor.mT.reshape(rows, exponents)
    raise ValueError(f"the value has shape {shape} for {rows} points; expected {expected[0]}")


def _numbers(answer: tuple[Any, ...] | list[Any]) -> bool:
    """Whether a list is the values themselves, a number a point, not (value, error, cost)."""
    return isinstance(answer, list) and all(
        getattr(each, "ndim", 0) == 0 and not isinstance(each, list) for each in answer
    )
