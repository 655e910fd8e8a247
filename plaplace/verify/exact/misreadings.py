"""A right formula on a wrong mixture: what a function may have taken its inputs for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from plaplace.mixture import GaussianMixture, LowRank
from plaplace.verify.certified import CertifiedPoint
from plaplace.verify.exact.slips import agree
from plaplace.verify.formulas import parts_of

__all__ = ["misread"]


def _of_variances(case: CertifiedPoint, change: Callable[[Tensor], Tensor]) -> GaussianMixture:
    """With variances, or the eigenvalues of matrices, changed."""
    covariances = case.covariances.dense() if isinstance(case.covariances, LowRank) else case.covariances
    if covariances.ndim < 3:
        return GaussianMixture(case.weights, case.means, change(covariances))
    values, vectors = torch.linalg.eigh(covariances)
    changed = (vectors * change(values)[:, None, :]) @ vectors.mT
    return GaussianMixture(case.weights, case.means, (changed + changed.mT) / 2)


def _without_weights(case: CertifiedPoint) -> GaussianMixture:
    return GaussianMixture(torch.full_like(case.weights, 1 / len(case.weights)), case.means, case.covariances)


def _of_diagonals(case: CertifiedPoint) -> GaussianMixture:
    covariances = case.covariances.dense() if isinstance(case.covariances, LowRank) else case.covariances
    if covariances.ndim == 3:
        covariances = covariances.diagonal(dim1=1, dim2=2).clone()
    return GaussianMixture(case.weights, case.means, covariances)


def _of_the_likeliest(case: CertifiedPoint) -> GaussianMixture:
    k = int(case.mixture().responsibilities(case.point[None])[0].argmax())
    one = slice(k, k + 1)
    if isinstance(case.covariances, LowRank):
        covariances: Tensor | LowRank = LowRank(case.covariances.isotropic[one], case.covariances.factors[one])
    else:
        covariances = case.covariances[one]
    return GaussianMixture(torch.ones_like(case.weights[one]), case.means[one], covariances)


MISREADINGS: dict[str, Callable[[CertifiedPoint], GaussianMixture]] = {
    "variances are taken for standard deviations: they are squared once too often": (
        lambda case: _of_variances(case, torch.square)
    ),
    "standard deviations stand where variances belong: a square is missing": (
        lambda case: _of_variances(case, torch.sqrt)
    ),
    "covariances are taken for precisions": lambda case: _of_variances(case, torch.reciprocal),
    "the weights are ignored: every component counts alike": _without_weights,
    "only the diagonals of covariance matrices are used": _of_diagonals,
    "only the most responsible component counts": _of_the_likeliest,
}


def misread(received: Tensor, cases: Sequence[CertifiedPoint], p: Sequence[float]) -> str | None:
    """The misreading that gives every value received, (M,) as in `parts_of`, in words; None where none does."""
    points = [case.point for case in cases]
    for words, change in MISREADINGS.items():
        parts = parts_of([change(case) for case in cases], points, p)
        if agree(received, parts.value(), parts):
            return words
    return None
