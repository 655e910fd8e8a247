"""The flux `|s|^(p-2) s.n` at displaced points, for every p from one score call a point.

Kept as `|s|^(p-1) cos(s, n)`, which neither overflows nor underflows before the result does. Where s = 0 the flux is 0
for p > 1; for p = 1 the cosine does not exist, and 0 is what the mean over any symmetric neighbourhood would give.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.estimators._rows import Rows
from plaplace.operators import safe_norm

__all__ = ["flux", "norms_and_projections", "powers_of"]


def flux(rows: Rows, points: Tensor, shifts: Tensor, axes: Tensor, powers: list[float]) -> tuple[Tensor, Tensor]:
    """`|s|^(p-2) s.n` at every point displaced by every shift.

    Args:
        points: (b, D) in the dtype the score takes, b <= rows.chunk_size.
        shifts: (M, D) float64 displacements, the same for each point.
        axes: (M, D) float64 directions n that belong to the shifts.
        powers: P exponents p.

    Returns:
        Flux (b, M, P) float64, and how many of the M scores of each point were not finite, (b,).
    """
    axes = axes.to(points.device)
    shifts = shifts.to(points)
    step = max(1, rows.chunk_size // max(1, len(points)))
    parts = []
    for start in range(0, len(shifts), step):
        displaced = points[:, None] + shifts[start : start + step]
        scores = rows.call(displaced.flatten(0, 1)).reshape(displaced.shape)
        parts.append(norms_and_projections(scores, axes[start : start + step]))
    norm = torch.cat([part[0] for part in parts], 1)
    along = torch.cat([part[1] for part in parts], 1)
    return powers_of(norm, along, powers), (~norm.isfinite()).sum(1)


def norms_and_projections(scores: Tensor, axes: Tensor) -> tuple[Tensor, Tensor]:
    """`|s|` and `s.n` in float64, both (b, M), of scores (b, M, D) and axes (M, D)."""
    wide = scores.double()  # products of lower precision accumulate in float64
    norm = torch.linalg.vector_norm(wide, dim=-1)
    # the plain norm is cheap, and right unless a square leaves the range: only float64 scores can do that
    if scores.dtype == torch.float64 and norm.numel() and not bool(((norm > 1e-140) & (norm < 1e140)).all()):
        norm = safe_norm(wide)
    return norm, torch.linalg.vecdot(wide, axes)


def powers_of(norm: Tensor, along: Tensor, powers: list[float]) -> Tensor:
    """`|s|^(p-2) s.n` for each p, stacked last, from `|s|` and `s.n`."""
    columns = []
    cosine = along / torch.where(norm == 0, torch.ones_like(norm), norm)
    for p in powers:
        columns.append(along if p == 2.0 else cosine if p == 1.0 else norm.pow(p - 1) * cosine)
    return torch.stack(columns, -1)
