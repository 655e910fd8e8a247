"""Other ways to the Laplacian (or the density) of a Gaussian mixture: each makes `callable(x)` out of the parameters.

    torch.func Hessian   trace of the Hessian of torch.distributions' log-density, vmapped over chunks of points
    reverse products     D reverse-mode products of the score of the same log-density, all points at once
    naive closed form    the formula with a difference x - mu_k for every point and component, by einsum
    scikit-learn         density only
    JAX ..., folx        see `exact_jax`

All of them are the code a competent person writes, none of them changed to be slow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from plaplace import LowRank
from plaplace.compare.rivals.cases import Case, Parameters
from plaplace.compare.rivals.packages import version

__all__ = ["RIVALS", "Rival", "Values"]

Values = Callable[[Tensor], Tensor]
_MEMORY = 8e9  # bytes; beyond it a contender is named and not run


@dataclass(frozen=True)
class Rival:
    """A contender.

    Attributes:
        make: parameters -> callable of points (n, D) that gives (n,) values.
        package: distribution it needs.
        quantity: "laplacian" or "log_prob".
        differentiates: by automatic differentiation, whose time does not depend on the weights: it is timed in the
            typical form alone.
        bytes: what one point needs at least, of a case.
        kinds: covariance kinds it knows.
        note: for the table.
    """

    make: Callable[[Parameters], Values]
    package: str = "torch"
    quantity: str = "laplacian"
    differentiates: bool = False
    bytes: Callable[[Case], float] = lambda case: 0.0
    kinds: tuple[str, ...] = ("spherical", "diagonal", "low_rank", "full")
    note: str = ""

    def obstacle(self, case: Case) -> str:
        """Why it is not run on this case, or "".

        >>> Rival(lambda parameters: lambda x: x, package="no-such-package").obstacle(Case("full", 2, 1, 1, None, ()))
        'not run: no-such-package is not installed'
        """
        if not version(self.package):
            return f"not run: {self.package} is not installed"
        if case.kind not in self.kinds:
            return f"not run: {self.package} has no {case.kind} covariances"
        if self.bytes(case) > _MEMORY:
            return f"not run: one point needs at least {self.bytes(case) / 1e9:.0f} GB"
        return ""


def _distribution(parameters: Parameters) -> torch.distributions.Distribution:
    means, covariances = parameters.means, parameters.covariances
    options: dict[str, Any] = {"validate_args": False}
    component: torch.distributions.Distribution
    if isinstance(covariances, LowRank):
        diagonal = covariances.isotropic[:, None].expand_as(means)
        component = torch.distributions.LowRankMultivariateNormal(means, covariances.factors, diagonal, **options)
    elif covariances.ndim == 3:
        factors = torch.linalg.cholesky(covariances)
        component = torch.distributions.MultivariateNormal(means, scale_tril=factors, **options)
    else:
        scale = (covariances if covariances.ndim == 2 else covariances[:, None].expand_as(means)).sqrt()
        component = torch.distributions.Independent(torch.distributions.Normal(means, scale, **options), 1, **options)
    weights = torch.distributions.Categorical(parameters.weights, **options)
    return torch.distributions.MixtureSameFamily(weights, component, **options)


def torch_func_hessian(parameters: Parameters) -> Values:
    """`tr Hess log q` by `torch.func.hessian`, points in chunks of about 2^24 numbers a temporary."""
    density = _distribution(parameters)
    K, D = parameters.means.shape

    def trace(point: Tensor) -> Tensor:
        return torch.func.hessian(density.log_prob)(point).diagonal().sum()

    return torch.func.vmap(trace, chunk_size=max(1, 2**24 // _pushed(parameters.kind, K, D)))


def reverse_products(parameters: Parameters) -> Values:
    """`tr Hess log q` by D reverse-mode products with unit vectors, the graph of the score kept."""
    density = _distribution(parameters)

    def laplacian(x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        (score,) = torch.autograd.grad(density.log_prob(x).sum(), x, create_graph=True)
        total = torch.zeros(len(x), dtype=x.dtype)
        for i in range(x.shape[1]):
            (row,) = torch.autograd.grad(score[:, i].sum(), x, retain_graph=True)
            total += row[:, i]
        return total

    return laplacian


def naive_closed_form(parameters: Parameters) -> Values:
    """`sum r_k (|s_k|^2 - tr P_k) - |s|^2` with `s_k = P_k (mu_k - x)` formed for every point and component."""
    weights, means, covariances = parameters.weights, parameters.means, parameters.covariances
    D = means.shape[1]
    apply: Callable[[Tensor], Tensor]
    if isinstance(covariances, LowRank):
        isotropic, F = covariances.isotropic, covariances.factors
        inner = torch.eye(F.shape[-1], dtype=F.dtype) + F.mT @ F / isotropic[:, None, None]
        U = torch.linalg.solve_triangular(torch.linalg.cholesky(inner), F.mT, upper=False) / isotropic[:, None, None]
        trace = D / isotropic - U.square().sum((1, 2))
        logdet = D * isotropic.log() + torch.logdet(inner)

        def apply(d: Tensor) -> Tensor:
            return d / isotropic[:, None] - torch.einsum("krd,nkr->nkd", U, torch.einsum("krd,nkd->nkr", U, d))

    elif covariances.ndim == 3:
        P = torch.linalg.inv(covariances)
        trace, logdet = P.diagonal(dim1=1, dim2=2).sum(-1), torch.logdet(covariances)

        def apply(d: Tensor) -> Tensor:
            return torch.einsum("kij,nkj->nki", P, d)

    else:
        precision = 1 / (covariances if covariances.ndim == 2 else covariances[:, None].expand_as(means))
        trace, logdet = precision.sum(1), -precision.log().sum(1)

        def apply(d: Tensor) -> Tensor:
            return precision * d

    constant = weights.log() - 0.5 * (logdet + D * math.log(2 * math.pi))

    def laplacian(x: Tensor) -> Tensor:
        d = means - x[:, None]
        s_k = apply(d)
        r = torch.softmax(constant - 0.5 * torch.einsum("nkd,nkd->nk", d, s_k), 1)
        s = torch.einsum("nk,nkd->nd", r, s_k)
        return (r * (torch.einsum("nkd,nkd->nk", s_k, s_k) - trace)).sum(1) - s.square().sum(1)

    return laplacian


def scikit_learn(parameters: Parameters) -> Values:
    """`log q` by the `score_samples` of scikit-learn's GaussianMixture."""
    from sklearn.mixture import GaussianMixture as Theirs

    covariances = parameters.covariances
    assert isinstance(covariances, Tensor)
    K = len(parameters.weights)
    theirs = Theirs(K, covariance_type={1: "spherical", 2: "diag", 3: "full"}[covariances.ndim])
    theirs.weights_, theirs.means_ = parameters.weights.numpy(), parameters.means.numpy()
    theirs.covariances_ = covariances.numpy()
    if covariances.ndim == 3:
        inverse = torch.linalg.inv(torch.linalg.cholesky(covariances))
        theirs.precisions_cholesky_ = inverse.mT.contiguous().numpy()
    else:
        theirs.precisions_cholesky_ = covariances.rsqrt().numpy()
    return lambda x: torch.from_numpy(theirs.score_samples(x.numpy()))


def _pushed(kind: str, K: int, D: int) -> int:
    """Numbers of a temporary when D tangents of one point are pushed at once through K components."""
    return K * D**2 * (D if kind == "full" else 1)  # a triangular solve copies the factors for every tangent


def _hessian_bytes(case: Case) -> float:
    return 8.0 * _pushed(case.kind, case.K, case.D) * case.dtype.itemsize  # about 8 temporaries live at a time


def _jax(name: str) -> Callable[[Parameters], Values]:
    def make(parameters: Parameters) -> Values:
        from plaplace.compare.rivals import exact_jax

        values: Values = getattr(exact_jax, name)(parameters)
        return values

    return make


RIVALS: dict[str, Rival] = {
    "torch.func Hessian": Rival(torch_func_hessian, differentiates=True, bytes=_hessian_bytes),
    "reverse products": Rival(reverse_products, differentiates=True),
    "JAX Hessian": Rival(_jax("hessian"), package="jax", differentiates=True),
    "folx": Rival(_jax("forward_laplacian"), package="folx", differentiates=True),
    "JAX closed form": Rival(
        _jax("closed_form"), package="jax", note="squares expanded: it loses digits far from the origin"
    ),
    "naive closed form": Rival(naive_closed_form),
    "scikit-learn": Rival(
        scikit_learn,
        package="scikit-learn",
        quantity="log_prob",
        kinds=("spherical", "diagonal", "full"),
        note="density only",
    ),
}
