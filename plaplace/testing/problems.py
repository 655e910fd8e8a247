"""Score functions whose Jacobians and ball means are known, and a score that counts its evaluations.

The answers come in closed form or by quadrature, not from the package. Some scores are no gradients, since a learned
score is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.autograd.forward_ad as fwd
from torch import Tensor

from plaplace.operators import p_laplacian, unit_normal

__all__ = ["PROBLEMS", "CountedScore", "Problem", "Score"]

Score = Callable[[Tensor], Tensor]


class CountedScore:
    """A score that counts: points evaluated, a reverse- or forward-mode product as 2, and the largest call.

    Products count where torch lets them be seen: by a gradient hook, and by the tangent of a dual number.
    """

    def __init__(self, score: Score) -> None:
        self.score = score
        self.evaluations = 0
        self.largest_call = 0

    def __call__(self, x: Tensor) -> Tensor:
        dual = fwd.unpack_dual(x).tangent is not None
        self.evaluations += len(x) * (2 if dual else 1)
        self.largest_call = max(self.largest_call, len(x))
        answer = self.score(x)
        if answer.requires_grad:
            answer.register_hook(self._product)
        return answer

    def _product(self, gradient: Tensor) -> None:
        self.evaluations += 2 * len(gradient)


@dataclass(frozen=True)
class Problem:
    """A score with known answers at some points.

    Attributes:
        score: on (B, *shape).
        points: (B, *shape) float64, none critical.
        jacobian: of the score at points, (B, D, D).
        ball_mean: (p, radius) -> (B,), or None where it is not known.
    """

    name: str
    score: Score
    points: Tensor
    jacobian: Tensor
    ball_mean: Callable[[float, float], Tensor | None]

    def pointwise(self, p: Sequence[float]) -> Tensor:
        """Exact `Delta_p` at the points, (B, P)."""
        norm, normal = unit_normal(self.score(self.points).flatten(1))
        along = torch.einsum("bi,bij,bj->b", normal, self.jacobian, normal)
        return p_laplacian(norm, along, torch.einsum("bii->b", self.jacobian) - along, list(p))

    def ball_means(self, p: Sequence[float], radius: float) -> Tensor:
        """Exact means over balls around the points, (B, P), NaN where none is known."""
        known = [self.ball_mean(q, radius) for q in p]
        return torch.stack([self.points.new_full((len(self.points),), math.nan) if k is None else k for k in known], 1)

    def size(self, p: Sequence[float]) -> Tensor:
        """Size of the terms that make the value, (B, P): `|s|^(p-2) |J|` times their number; rounding is relative to
        it."""
        norm = torch.linalg.vector_norm(self.score(self.points).flatten(1), dim=1)
        length = torch.linalg.vector_norm(self.jacobian.flatten(1), dim=1)
        return torch.stack([length * (1.0 if math.isinf(q) else q * norm ** (q - 2)) for q in p], 1)


def _linear() -> Problem:
    """s = A(x - b), A not symmetric: the ball mean for p = 2 is tr A at any radius."""
    a = torch.tensor(
        [
            [-2.0, 0.5, 0, 0, 0.3],
            [0.1, -1.0, 0.4, 0, 0],
            [0, 0, -3.0, 0.2, 0],
            [0.7, 0, 0, 1.0, 0],
            [0, 0.6, 0, 0, -0.5],
        ]
    ).double()
    points = torch.tensor([[1.0, -0.5, 0.3, 2.0, 0.7], [0.2, 0.9, -1.0, 0.1, -0.4]]).double()
    shift = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5]).double()
    trace = a.diagonal().sum().expand(len(points))
    return Problem(
        "linear, D = 5",
        lambda x: (x - shift.to(x)) @ a.T.to(x),
        points,
        a.expand(len(points), 5, 5),
        lambda p, radius: trace if p == 2 else None,
    )


def _waves() -> Problem:
    """A field of sines on the plane, no gradient; ball means by the trapezoid rule on the circle."""
    points = torch.tensor([[0.8, 0.3], [-1.0, 0.7], [0.4, -1.6]]).double()

    def score(x: Tensor) -> Tensor:
        return torch.stack([-x[:, 0] + torch.sin(1.5 * x[:, 1]) / 2, -2 * x[:, 1] + torch.cos(x[:, 0]) / 2], 1)

    jacobian = torch.stack(
        [
            torch.stack([-torch.ones(3).double(), 0.75 * torch.cos(1.5 * points[:, 1])], 1),
            torch.stack([-torch.sin(points[:, 0]) / 2, -2 * torch.ones(3).double()], 1),
        ],
        1,
    )

    def ball_mean(p: float, radius: float) -> Tensor:
        angle = 2 * math.pi * torch.arange(720).double() / 720
        n = torch.stack([angle.cos(), angle.sin()], 1)
        s = score((points[:, None] + radius * n).flatten(0, 1)).reshape(3, 720, 2)
        flow = torch.linalg.vector_norm(s, dim=-1).pow(p - 2) * (s * n).sum(-1)
        means: Tensor = 2 / radius * flow.mean(1)
        return means

    return Problem("waves, D = 2", score, points, jacobian, ball_mean)


def _quartic() -> Problem:
    """s_i = -a_i x_i - x_i^3 / 5 on (B, 1, 2, 3). In the ball, E x_i^2 = c_i^2 + R^2/(D+2) at its centre c."""
    a = torch.tensor([0.5, 1.0, 1.5, 2.0, 2.5, 3.0]).double().reshape(1, 2, 3)
    points = (
        torch.tensor([[0.6, -0.4, 1.0, 0.2, -1.2, 0.5], [1.5, 0.3, -0.2, -0.7, 0.1, 0.9]]).double().reshape(2, 1, 2, 3)
    )
    squares = points.flatten(1).square()

    def ball_mean(p: float, radius: float) -> Tensor | None:
        return -a.sum() - 0.6 * (squares.sum(1) + 6 * radius**2 / 8) if p == 2 else None

    jacobian = torch.diag_embed(-a.flatten() - 0.6 * squares)
    return Problem("quartic, shape (1, 2, 3)", lambda x: -a.to(x) * x - x**3 / 5, points, jacobian, ball_mean)


PROBLEMS: dict[str, Callable[[], Problem]] = {"linear": _linear, "waves": _waves, "quartic": _quartic}
