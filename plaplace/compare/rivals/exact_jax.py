"""The Laplacian of a Gaussian mixture in JAX: closed form, Hessian, forward Laplacian (folx); jitted, on one thread.

The closed form is written for speed: whatever can be one matrix product over all points and components is one, with
squares of distances expanded, `|x - mu|^2 = |x|^2 - 2 x.mu + |mu|^2`, which costs digits where |x| is large beside the
distances.
Source of the forward Laplacian: Li et al., "A computational framework for neural network-based variational Monte Carlo
with forward Laplacian" (2024), arXiv 2307.08214; the package folx, https://github.com/microsoft/folx.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

# read when JAX starts its CPU client: one thread, as everything else in the table
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import jax
import jax.numpy as jnp

from plaplace import LowRank
from plaplace.compare.rivals.cases import Parameters

__all__ = ["closed_form", "forward_laplacian", "hessian"]

jax.config.update("jax_enable_x64", True)

Values = Callable[[Tensor], Tensor]
_NUMBERS = 2**24  # of a temporary of the differentiating rivals


def closed_form(parameters: Parameters) -> Values:
    """`sum r_k (|s_k|^2 - tr P_k) - |s|^2`, jitted; products over all points at once, squares expanded."""
    return _on_tensors(jax.jit(_FORMS[parameters.kind](parameters)))


def hessian(parameters: Parameters) -> Values:
    """Trace of `jax.hessian` of the log-density, jitted, mapped over chunks of points."""
    density = _log_density(parameters)
    return _mapped(lambda point: jnp.trace(jax.hessian(density)(point)), parameters)


def forward_laplacian(parameters: Parameters) -> Values:
    """The forward Laplacian of folx, jitted, mapped over chunks of points."""
    import folx

    # the jit outside covers it; a second one inside would be inlined
    transformed = folx.forward_laplacian(_log_density(parameters), disable_jit=True)
    return _mapped(lambda point: transformed(point).laplacian, parameters)


def _mapped(of_a_point: Callable[[Any], Any], parameters: Parameters) -> Values:
    K, D = parameters.means.shape
    size = max(1, _NUMBERS // (K * D * D))

    def values(x: Any) -> Any:
        if len(x) <= size:
            return jax.vmap(of_a_point)(x)
        return jax.lax.map(of_a_point, x, batch_size=size)

    return _on_tensors(jax.jit(values))


def _on_tensors(function: Callable[[Any], Any]) -> Values:
    """Tensors in and out; waits for the result, which JAX computes asynchronously."""

    def values(x: Tensor) -> Tensor:
        result: Tensor = from_dlpack(jax.block_until_ready(function(x.numpy())))
        return result

    return values


def _array(tensor: Tensor) -> Any:
    return jnp.asarray(tensor.numpy())


def _whitening(parameters: Parameters) -> tuple[Any, Any]:
    """Precision factors W (K, D, D), `P = W'W`, and log determinants of the covariances, of a full mixture."""
    assert isinstance(parameters.covariances, Tensor)
    factors = torch.linalg.cholesky(parameters.covariances)
    logdet = 2 * factors.diagonal(dim1=1, dim2=2).log().sum(-1)
    return _array(torch.linalg.inv(factors)), _array(logdet)


def _woodbury(covariances: LowRank, D: int) -> tuple[Any, Any, Any]:
    """Isotropic precisions (K,), U (K, R, D) with `P = I/w - U'U`, and log determinants."""
    w, F = covariances.isotropic, covariances.factors
    inner = torch.eye(F.shape[-1], dtype=F.dtype) + F.mT @ F / w[:, None, None]
    L = torch.linalg.cholesky(inner)
    U = torch.linalg.solve_triangular(L, F.mT, upper=False) / w[:, None, None]
    logdet = D * w.log() + 2 * L.diagonal(dim1=1, dim2=2).log().sum(-1)
    return _array(1 / w), _array(U), _array(logdet)


def _constant(parameters: Parameters, logdet: Any) -> Any:
    return _array(parameters.weights.log()) - 0.5 * (logdet + parameters.means.shape[1] * math.log(2 * math.pi))


def _log_density(parameters: Parameters) -> Callable[[Any], Any]:
    """`log q` of one point, as logsumexp over quadratic forms."""
    covariances, means = parameters.covariances, _array(parameters.means)
    D = means.shape[1]
    quadratic: Callable[[Any], Any]
    if isinstance(covariances, LowRank):
        p, U, logdet = _woodbury(covariances, D)

        def quadratic(d: Any) -> Any:
            return p * (d * d).sum(-1) - (jnp.einsum("krd,kd->kr", U, d) ** 2).sum(-1)

    elif covariances.ndim == 3:
        W, logdet = _whitening(parameters)

        def quadratic(d: Any) -> Any:
            return (jnp.einsum("kij,kj->ki", W, d) ** 2).sum(-1)

    else:
        variances = _array(covariances if covariances.ndim == 2 else covariances[:, None].expand(-1, D))
        logdet = jnp.log(variances).sum(-1)

        def quadratic(d: Any) -> Any:
            return (d * d / variances).sum(-1)

    constant = _constant(parameters, logdet)
    return lambda point: jax.nn.logsumexp(constant - 0.5 * quadratic(point - means))


def _spherical(parameters: Parameters) -> Callable[[Any], Any]:
    assert isinstance(parameters.covariances, Tensor)
    means, p = _array(parameters.means), _array(1 / parameters.covariances)
    D = means.shape[1]
    constant, square = _constant(parameters, -D * jnp.log(p)), (means * means).sum(1)

    def laplacian(x: Any) -> Any:
        distance = (x * x).sum(1, keepdims=True) - 2 * x @ means.T + square
        r = jax.nn.softmax(constant - 0.5 * p * distance, 1)
        s = (r * p) @ means - x * (r @ p)[:, None]
        return (r * (p * p * distance - D * p)).sum(1) - (s * s).sum(1)

    return laplacian


def _diagonal(parameters: Parameters) -> Callable[[Any], Any]:
    assert isinstance(parameters.covariances, Tensor)
    means, P = _array(parameters.means), _array(1 / parameters.covariances)
    constant, trace = _constant(parameters, -jnp.log(P).sum(1)), P.sum(1)
    b = P * means
    # forms of x^2 and of x side by side: one product each gives the quadratic form and |s_k|^2 of all components
    squares, linear = jnp.concatenate([P, P * P]).T, jnp.concatenate([b, P * b]).T
    offsets = jnp.concatenate([(means * b).sum(1), (b * b).sum(1)])
    K = len(P)

    def laplacian(x: Any) -> Any:
        forms = (x * x) @ squares - 2 * x @ linear + offsets
        r = jax.nn.softmax(constant - 0.5 * forms[:, :K], 1)
        s = r @ b - x * (r @ P)
        return (r * (forms[:, K:] - trace)).sum(1) - (s * s).sum(1)

    return laplacian


def _full(parameters: Parameters) -> Callable[[Any], Any]:
    means = _array(parameters.means)
    W, logdet = _whitening(parameters)
    P = jnp.einsum("kij,kil->kjl", W, W)
    b = jnp.einsum("kij,kj->ki", P, means)
    constant, trace = _constant(parameters, logdet), jnp.trace(P, axis1=1, axis2=2)
    K, D = means.shape
    columns = P.transpose(1, 0, 2).reshape(D, K * D)

    def laplacian(x: Any) -> Any:
        s_k = b - (x @ columns).reshape(-1, K, D)
        r = jax.nn.softmax(constant - 0.5 * ((means - x[:, None]) * s_k).sum(-1), 1)
        s = (r[..., None] * s_k).sum(1)
        return (r * ((s_k * s_k).sum(-1) - trace)).sum(1) - (s * s).sum(1)

    return laplacian


def _low_rank(parameters: Parameters) -> Callable[[Any], Any]:
    assert isinstance(parameters.covariances, LowRank)
    means = _array(parameters.means)
    K, D = means.shape
    p, U, logdet = _woodbury(parameters.covariances, D)
    R = U.shape[1]
    gram = jnp.einsum("krd,ksd->krs", U, U)
    trace = D * p - jnp.trace(gram, axis1=1, axis2=2)
    constant, square = _constant(parameters, logdet), (means * means).sum(1)
    columns, offsets = U.reshape(K * R, D).T, jnp.einsum("krd,kd->kr", U, means)

    def laplacian(x: Any) -> Any:
        z = offsets - (x @ columns).reshape(-1, K, R)  # U_k (mu_k - x)
        distance = (x * x).sum(1, keepdims=True) - 2 * x @ means.T + square
        inner = (z * z).sum(-1)
        r = jax.nn.softmax(constant - 0.5 * (p * distance - inner), 1)
        s = (r * p) @ means - x * (r @ p)[:, None] - (r[..., None] * z).reshape(len(x), K * R) @ columns.T
        norms = p * p * distance - 2 * p * inner + jnp.einsum("nkr,krs,nks->nk", z, gram, z)
        return (r * (norms - trace)).sum(1) - (s * s).sum(1)

    return laplacian


_FORMS = {"spherical": _spherical, "diagonal": _diagonal, "full": _full, "low_rank": _low_rank}
