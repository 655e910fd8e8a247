"""Derivatives of a network: whether they exist, whether they are those of its values, the p-Laplacian they give."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plaplace.models.predictions import PREDICTIONS
from plaplace.operators import p_laplacian, unit_normal
from plaplace.verify.finding import Finding
from plaplace.verify.network.call import Network
from plaplace.verify.network.score import Asked, name

__all__ = ["judge_derivative", "judge_p_laplacian"]

_EXPONENTS = (1.0, 2.0, 3.0)
_STEP = 0.01  # of a difference, in units of sigma
_SAME = 0.05  # relative: what differences across the kinks of a ReLU network may be off


def judge_derivative(network: Network, asked: Asked) -> Iterator[Finding]:
    """Whether a product `J v` by differentiation exists and is what differences of the values give."""
    generator = torch.Generator().manual_seed(1)
    v = torch.randn(asked.x.shape, generator=generator, dtype=torch.float64)
    v = v / torch.linalg.vector_norm(v, dim=1, keepdim=True)
    case = name(asked.level)
    if network.backend.name == "numpy":
        yield Finding("derivative", case, "note", "numpy arrays carry no derivatives: products J v are not judged")
        return
    try:
        product = _products(network, asked, v[None])[0]
    except Exception as error:  # whatever a stranger's function raises is a finding
        words = f"it cannot be differentiated ({type(error).__name__}: {error})"
        yield Finding("derivative", case, "fails", f"{words}; no_grad, detach or numpy inside?")
        return
    h = _STEP * asked.level.sigma
    # the points as they are after rounding: their distance is the step that was made
    ends = [(asked.x + sign * h * v).to(network.dtype).double() for sign in (1, -1)]
    above, below = (network.score(end, asked.level) for end in ends)
    length = torch.linalg.vector_norm(ends[0] - ends[1], dim=1, keepdim=True)
    difference = (above - below) / length
    off = float(((product - difference).square().sum() / difference.square().sum()).sqrt())
    if not off <= _SAME:
        words = f"the derivative of the score and differences of its values are {off:.0%} apart"
        yield Finding("derivative", case, "fails", f"{words}: a part is detached from the graph")
    else:
        words = f"the derivative of the score is that of its values, to {off:.1e}"
        yield Finding("derivative", case, "holds", words)


def judge_p_laplacian(network: Network, asked: Sequence[Asked], tolerance: float) -> Iterator[Finding]:
    """The p-Laplacian by products through the network, and through the exact score, against the exact one.

    The median over points of the error beside the size of the operator's terms.
    """
    for each in asked:
        want = each.exact.p_laplacian(each.x, list(_EXPONENTS))
        dimension = each.x.shape[1]
        norm, normal = unit_normal(each.score)
        along, trace = each.exact.directional_curvature(each.x, normal), each.exact.laplacian(each.x)
        powers = [norm ** (p - 2) * (trace.abs() + abs(p - 2) * along.abs()) for p in _EXPONENTS]
        size = torch.stack(powers, 1)
        score = network.score(each.x, each.level)
        norm, normal = unit_normal(score)
        frame = torch.eye(dimension, dtype=torch.float64)[:, None].expand(-1, len(each.x), -1)
        products = _products(network, each, torch.cat([frame, normal[None]]))
        trace = sum((products[i, :, i] for i in range(dimension)), torch.zeros(len(each.x), dtype=torch.float64))
        along = (products[-1] * normal).sum(1)
        got = p_laplacian(norm, along, trace - along, list(_EXPONENTS))
        errors = ((got - want).abs() / size).nan_to_num(math.inf).median(0).values.tolist()
        listed = ", ".join(f"{error:.2g} at p = {p:g}" for p, error in zip(_EXPONENTS, errors, strict=True))
        verdict = "holds" if max(errors) <= tolerance else "fails"
        words = f"median error beside the size of the terms: {listed}; products are exact, so it is all the network's"
        accepted = "" if verdict == "holds" else f"; accepted is {tolerance:g}"
        yield Finding("p-Laplacian", name(each.level), verdict, words + accepted)  # type: ignore[arg-type]


def _products(network: Network, asked: Asked, directions: Tensor) -> Tensor:
    """`J v` of the score for every direction, (M, B, D), in float64."""
    shape = (-1, *network.shape)
    x = asked.x.to(network.dtype)
    if network.backend.name == "jax":
        return _jax_products(network, asked, x, directions)
    given = x.reshape(shape).requires_grad_()
    score = PREDICTIONS[network.prediction](network.native(given, asked.level), given, asked.level)
    if not score.requires_grad:
        raise RuntimeError("the output is cut from the graph of x")
    # J v by two reverse products: d/dw (J'w . v) = J v, w a dummy; works where forward mode does not
    w = torch.zeros_like(score, requires_grad=True)
    (back,) = torch.autograd.grad(score, given, w, create_graph=True)
    columns = []
    for v in directions:
        if back.requires_grad:
            (column,) = torch.autograd.grad(back, w, v.reshape(given.shape).to(given), retain_graph=True)
        else:
            raise RuntimeError("the output does not depend on x by any differentiable way")
        columns.append(column.detach().double().reshape(len(x), -1))
    return torch.stack(columns)


def _jax_products(network: Network, asked: Asked, x: Tensor, directions: Tensor) -> Tensor:
    import jax

    def score(points: Any) -> Any:
        return PREDICTIONS[network.prediction](network.native(points, asked.level), points, asked.level)

    given = network.backend.to(x.reshape(-1, *network.shape))
    columns = []
    for v in directions:
        tangent = network.backend.to(v.reshape(-1, *network.shape).to(network.dtype))
        columns.append(network.backend.back(jax.jvp(score, (given,), (tangent,))[1]).double().reshape(len(x), -1))
    return torch.stack(columns)
