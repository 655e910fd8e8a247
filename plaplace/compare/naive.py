"""The p-Laplacian of a Gaussian mixture as one writes it down first, to show what the careful form is for.

    q = sum w_k N(x; mu_k, Sigma_k)      s = sum r_k s_k      H = sum r_k s_k s_k' - s s' - sum r_k P_k

with densities exponentiated as they are, inverse covariances formed, the second moment not centred and
`tr_T H = tr H - n'Hn` as a difference. Right in exact arithmetic; in float64 it loses what those steps cancel.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plaplace.operators import Of

__all__ = ["NaiveMixture"]


class NaiveMixture:
    """The formulas above for one point; the methods are named as those of `GaussianMixture`.

    Args:
        weights, means: (K,) and (K, D).
        covariances: matrices (K, D, D).

    >>> q = NaiveMixture(torch.ones(1).double(), torch.zeros(1, 2).double(), torch.eye(2).double()[None])
    >>> float(q.p_laplacian(torch.tensor([[2.0, 0.0]]).double(), 1.0))
    -0.5
    >>> float(q.log_prob(torch.tensor([[40.0, 0.0]]).double()))      # truly -801.8: the density underflows
    -inf
    """

    def __init__(self, weights: Tensor, means: Tensor, covariances: Tensor) -> None:
        self.weights, self.means = weights, means
        self.precisions = torch.linalg.inv(covariances)
        self.scales = torch.linalg.det(2 * math.pi * covariances).pow(-0.5)

    def _moments(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """q (), s (D,) and H (D, D) at x of shape (1, D)."""
        difference = x - self.means
        scores = -torch.einsum("kij,kj->ki", self.precisions, difference)
        densities = self.weights * self.scales * torch.exp(0.5 * (scores * difference).sum(-1))
        total = densities.sum()
        r = densities / total
        s = r @ scores
        second = torch.einsum("k,ki,kj->ij", r, scores, scores)
        return total, s, second - torch.outer(s, s) - torch.einsum("k,kij->ij", r, self.precisions)

    def log_prob(self, x: Tensor) -> Tensor:
        """log q."""
        return self._moments(x)[0].log()

    def score(self, x: Tensor) -> Tensor:
        """s, (1, D)."""
        return self._moments(x)[1][None]

    def laplacian(self, x: Tensor) -> Tensor:
        """tr H."""
        return self._moments(x)[2].trace()

    def directional_curvature(self, x: Tensor, v: Tensor) -> Tensor:
        """v'Hv."""
        return v[0] @ self._moments(x)[2] @ v[0]

    def p_laplacian(self, x: Tensor, p: float, eps: float = 0.0, of: Of = "log_density") -> Tensor:
        """`Delta_p u`, or `q^(1-p) Delta_p q`."""
        _, s, hessian = self._moments(x)
        norm = s.square().sum().sqrt()
        n = s / norm
        if of == "density":
            hessian = hessian + torch.outer(s, s)
        normal = n @ hessian @ n
        tangential = hessian.trace() - normal
        square = norm.square() + eps**2
        t = norm.square() / square
        if math.isinf(p):
            return t * normal
        return square.pow((p - 2) / 2) * ((1 + (p - 2) * t) * normal + tangential)
