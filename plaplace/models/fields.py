"""Vector fields of a conditional model, as functions of x alone, which is what estimators take.

    conditional     s_c                     what the model has learned with the condition
    unconditional   s_u                     ... and without
    guided(w)       s_u + w (s_c - s_u)     classifier-free guidance: w = 1 is s_c, w = 0 is s_u
    gap             s_c - s_u               grad log p(c | x), by the two branches

    >>> from plaplace import estimators, models
    >>> model = models.from_score(lambda x, t: -x / (1 + t**2), (2,), models.SigmaLevels())
    >>> s = models.unconditional(model, model.levels.at(sigma=1.0))
    >>> estimators.autodiff(s, torch.zeros(1, 2), p=2.0).value
    tensor([-1.])

Sources: Ho, Salimans, "Classifier-free diffusion guidance" (2022), arXiv 2207.12598; the gap as a field with a flux of
its own, Brokman et al., NeurReps 2025.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from plaplace.models.conditions import Prepared
from plaplace.models.levels import Level
from plaplace.models.protocol import ScoreModel

__all__ = ["Field", "conditional", "gap", "guided", "unconditional"]


@dataclass(frozen=True)
class Field:
    """`a s_c + b s_u` at one level: a callable (B, *shape) -> (B, *shape), 1/length.

    Attributes:
        model, level, condition: of the scores; one condition for all points.
        a, b: weights of the two branches; a branch of weight 0 is not evaluated.
    """

    model: ScoreModel
    level: Level
    condition: Any
    a: float
    b: float

    @property
    def network_evaluations(self) -> int:
        """Network evaluations a point that one evaluation of the field costs: 1 or 2."""
        return (self.a != 0) + (self.b != 0)

    def __call__(self, x: Tensor) -> Tensor:
        parts = [(self.a, self.condition), (self.b, None)]
        scores = [(weight, self.model.score(x, self.level, given)) for weight, given in parts if weight != 0]
        if not scores:
            return torch.zeros_like(x)
        (weight, first), *rest = scores
        total = first if weight == 1 else weight * first
        for weight, other in rest:
            total = torch.add(total, other, alpha=weight)
        return total


def _field(model: ScoreModel, level: Level | float, condition: Any, a: float, b: float) -> Field:
    conditions = getattr(model, "conditions", None)
    # prompts go through the text encoder once, not at every call
    prepared = condition if conditions is None or condition is None else conditions.prepare(condition)
    if isinstance(prepared, Prepared) and prepared.count != 1:
        # estimators cut points and directions into batches of their own: rows would meet the wrong conditions
        raise ValueError(
            f"{prepared.count} conditions were given; a field has one. Take a field a condition, or model.score with "
            "one a point"
        )
    return Field(model, model.levels.check(level), prepared, a, b)


def conditional(model: ScoreModel, level: Level | float, condition: Any) -> Field:
    """`s_c`, the score with the condition. Here and below a ValueError for several conditions: a field has one."""
    return _field(model, level, condition, 1.0, 0.0)


def unconditional(model: ScoreModel, level: Level | float) -> Field:
    """`s_u`, the score of the unconditional branch."""
    return _field(model, level, None, 0.0, 1.0)


def guided(model: ScoreModel, level: Level | float, condition: Any, w: float) -> Field:
    """`s_u + w (s_c - s_u)`, classifier-free guidance of scale w, as diffusers counts it: w = 1 is no guidance."""
    return _field(model, level, condition, w, 1.0 - w)


def gap(model: ScoreModel, level: Level | float, condition: Any) -> Field:
    """`s_c - s_u`, what the condition adds."""
    return _field(model, level, condition, 1.0, -1.0)
