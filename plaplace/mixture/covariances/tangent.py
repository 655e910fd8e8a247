"""The tangential trace `tr(W'W) - v'W'Wv` without cancellation."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["tangential_frobenius"]

_FEW_DIGITS = 1e-2  # below this share of the trace the plain difference has lost two digits
_PAIR_ELEMENTS = 2**21


def tangential_frobenius(whitening: Tensor, v: Tensor, shortfall: Tensor | None = None) -> Tensor:
    """`|W_k|_F^2 - |W_k v|^2` for vectors of length at most 1.

    The plain difference first. For the pairs (component, point) where it cancels, row by row, with `e = v/|v|`,

        |W_i|^2 - (W_i.v)^2 = |W_i|^2 (1 - |v|^2) + |v|^2 |W_i - (W_i.e) e|^2,

    a sum of non-negative terms.

    Args:
        whitening: (K, D, D).
        v: (K, N, D), |v| <= 1.
        shortfall: (K, N), `1 - |v|^2` as its owner knows it; None where every v is a unit vector or 0.

    Returns:
        (K, N).
    """
    frobenius = whitening.square().sum((-1, -2))[:, None]
    plain = frobenius - (v @ whitening.mT).square().sum(-1)
    cancels = plain.detach() < _FEW_DIGITS * frobenius
    if not bool(cancels.any()):
        return plain
    component, point = cancels.nonzero(as_tuple=True)
    size = max(1, _PAIR_ELEMENTS // whitening.shape[-1] ** 2)
    blocks = []
    for k, i in zip(component.split(size), point.split(size), strict=True):
        rows, length = whitening[k], v[k, i].norm(dim=-1)
        unit = v[k, i] / length[:, None]
        across = rows - (rows @ unit[..., None]) * unit[:, None, :]
        block = length.square() * across.square().sum((-1, -2))
        if shortfall is not None:
            block = block + shortfall[k, i] * rows.square().sum((-1, -2))
        blocks.append(block)
    return plain.index_put((component, point), torch.cat(blocks))
