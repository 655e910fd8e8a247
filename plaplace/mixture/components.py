"""One block of points through a mixture: responsibilities, component scores, and the moments made of them.

With `S_k = -P_k (x - mu_k)` and responsibilities `r_k`,

    s = sum r_k S_k,        H = sum r_k (S_k - s)(S_k - s)' - sum r_k P_k.

The centred form keeps its digits in a far tail, where `|s|^2` dwarfs H. H itself is never formed for a trace or for
`v'Hv`, and the tangential trace is a sum of the tangential parts, not a difference of traces.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from plaplace.mixture.covariances import Covariances
from plaplace.mixture.fast import Evaluation, Wants
from plaplace.operators import unit_normal

__all__ = ["Block", "Curvatures", "block", "curvatures", "directional_curvature", "evaluate", "laplacian", "log_joint"]


class Curvatures(NamedTuple):
    """Everything that a p-Laplacian is made of, at N points.

    Attributes:
        log_prob: log q, (N,).
        score: s, (N, D), 1/length.
        norm: |s|, (N,), 1/length.
        normal: n'Hn, (N,), 1/length^2; 0 where s = 0.
        tangential: tr H - n'Hn, (N,), 1/length^2; tr H where s = 0.
    """

    log_prob: Tensor
    score: Tensor
    norm: Tensor
    normal: Tensor
    tangential: Tensor


class Block(NamedTuple):
    """Component scores (K, N, D), responsibilities (K, N) and log q (N,) of a block of points."""

    component_scores: Tensor
    responsibilities: Tensor
    log_prob: Tensor

    @property
    def score(self) -> Tensor:
        return (self.responsibilities[..., None] * self.component_scores).sum(0)

    @property
    def followed_score(self) -> Tensor:
        """The score where torch follows its derivatives: `s_0 + sum r_k (S_k - s_0)` with s_0 = s held constant.

        `sum dr_k = 0` makes them those of s, in the centred form that keeps its digits in a far tail.
        """
        held = self.score.detach()
        return held + (self.responsibilities[..., None] * (self.component_scores - held)).sum(0)


def log_joint(log_weights: Tensor, covariances: Covariances, quadratic: Tensor) -> Tensor:
    """`log w_k + log N(x; mu_k, Sigma_k)` from the quadratic forms (K, N)."""
    return (log_weights - 0.5 * covariances.log_det)[:, None] - 0.5 * quadratic


def block(log_weights: Tensor, means: Tensor, covariances: Covariances, x: Tensor) -> Block:
    """The block of points x, (N, D)."""
    solved, quadratic = covariances.solve(x - means[:, None, :])
    joint = log_joint(log_weights, covariances, quadratic)
    log_prob = joint.logsumexp(0) - 0.5 * covariances.dimension * math.log(2 * math.pi)
    return Block(-solved, joint.softmax(0), log_prob)


def laplacian(b: Block, covariances: Covariances) -> Tensor:
    """tr H, (N,)."""
    centred = b.component_scores - b.score
    between = (b.responsibilities * centred.square().sum(-1)).sum(0)
    return between - covariances.trace @ b.responsibilities


def directional_curvature(b: Block, covariances: Covariances, v: Tensor) -> Tensor:
    """v'Hv, (N,), for v of shape (N, D) and any length."""
    along = ((b.component_scores - b.score) * v).sum(-1)
    return (b.responsibilities * (along.square() - covariances.curvature(v))).sum(0)


def curvatures(b: Block, covariances: Covariances) -> Curvatures:
    """Norm, normal curvature and tangential trace from one pass over the components."""
    score, r = b.score, b.responsibilities
    norm, n = unit_normal(score)
    centred = b.component_scores - score
    along = (centred * n).sum(-1)
    across = (centred - along[..., None] * n).square().sum(-1)
    normal = (r * (along.square() - covariances.curvature(n))).sum(0)
    tangential = (r * (across - covariances.tangential(n))).sum(0)
    if covariances.dimension == 1:  # no tangent space: exactly 0 off critical points
        tangential = torch.where(norm > 0, torch.zeros_like(tangential), tangential)
    return Curvatures(b.log_prob, score, norm, normal, tangential)


def evaluate(b: Block, covariances: Covariances, wants: Wants, followed: bool) -> Evaluation:
    """What is wanted of a block, all of it to be trusted; `followed` where torch follows its derivatives."""
    trusted = torch.ones_like(b.log_prob, dtype=torch.bool)
    if wants == "log_prob":
        return Evaluation(b.log_prob, trusted)
    if wants == "score":
        return Evaluation(b.log_prob, trusted, b.followed_score if followed else b.score)
    if wants == "laplacian":
        return Evaluation(b.log_prob, trusted, tangential=laplacian(b, covariances))
    c = curvatures(b, covariances)
    return Evaluation(b.log_prob, trusted, c.score if wants == "curvatures" else None, c.norm, c.normal, c.tangential)
