"""The flux through a sphere along given directions, and drawing directions until its error is small enough."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from plaplace.directions import KINDS, PAIRED, Directions, draw
from plaplace.estimate import Estimate
from plaplace.estimators._flux import flux, powers_of
from plaplace.estimators._rows import Rows, count, finish
from plaplace.estimators._sequential import LEAST_BLOCKS, until
from plaplace.operators import unit_normal

__all__ = ["Sphere", "draw_until"]

WORTH = 4


@dataclass(frozen=True)
class Sphere:
    """What one call of `sphere_flux` samples.

    Attributes:
        rows: the points and the score.
        powers: the P exponents.
        radii: pairs (radius, weight); the value is the weighted sum of the ball means.
        kind: of directions; "orthonormal" subtracts the control `F(x).n`, F = |s|^(p-2) s, whose mean is 0.
    """

    rows: Rows
    powers: list[float]
    radii: list[tuple[float, float]]
    kind: str

    def cost(self, num_directions: int) -> int:
        """Score evaluations on the spheres, a point."""
        return len(self.radii) * num_directions

    def centre_scores(self) -> Tensor | None:
        """Scores at the points themselves, (B, D) float64, where a control needs them."""
        if self.kind != "orthonormal":
            return None
        flat = self.rows.flat
        return torch.cat([flat[:0].double(), *(self.rows.call(flat[group]).double() for group in self.rows.groups())])

    def values(self, which: slice | Tensor, drawn: Directions, centre: Tensor | None) -> tuple[Tensor, Tensor]:
        """Flux in the operator's units along each direction, (b, m, P), and non-finite scores, (b,), of some rows."""
        points = self.rows.flat[which]
        axes = drawn.vectors.to(points.device)
        total = torch.zeros(len(points), len(axes), len(self.powers), dtype=torch.float64, device=points.device)
        bad = torch.zeros(len(points), dtype=torch.int64, device=points.device)
        if not len(points):
            return total, bad
        control = torch.zeros((), dtype=torch.float64, device=points.device)
        if centre is not None:
            norm, normal = unit_normal(centre[which])  # n = 0 where s = 0: no control there
            control = powers_of(norm[:, None], norm[:, None] * (normal @ axes.T), self.powers)
            bad += ~norm.isfinite()
        for radius, weight in self.radii:
            there, bad_there = flux(self.rows, points, radius * axes, axes, self.powers)
            total += weight * self.rows.dimension / radius * (there - control)
            bad += bad_there
        return total, bad


def draw_until(
    sphere: Sphere,
    x: Tensor,
    single: bool,
    num_directions: int,
    tolerance: float,
    max_directions: int,
    generator: torch.Generator,
) -> Estimate:
    """Rounds of about `num_directions` directions until each row's standard error is at most the tolerance.

    Blocks are all equally large: as large as leaves `LEAST_BLOCKS` of them in a round, or whole frames where that makes
    the round at most `WORTH` times longer.
    """
    rows, kind = sphere.rows, sphere.kind
    if kind not in KINDS:
        draw(kind, 1, 1)  # raises
    sides = 2 if kind in PAIRED else 1
    samples = count("num_directions", num_directions) // sides
    if samples < LEAST_BLOCKS:
        raise ValueError(
            f"num_directions = {num_directions} was given with a tolerance; a round needs {LEAST_BLOCKS} independent "
            f"blocks: at least {LEAST_BLOCKS * sides} directions of the kind {kind!r}"
        )
    most = samples // LEAST_BLOCKS
    if kind in ("frame", "orthonormal"):
        most = min(most, rows.dimension)
        whole = LEAST_BLOCKS * rows.dimension
        if whole <= WORTH * samples:  # whole frames have so much less variance that a longer first round pays
            most, samples = rows.dimension, max(samples, whole)
    a_round = samples // most * most * sides
    most_rounds = count("max_directions", max_directions, least=a_round) // a_round
    centre = sphere.centre_scores()

    def round_of(active: Tensor) -> tuple[Tensor, Tensor]:
        drawn = draw(kind, a_round, rows.dimension, generator, most)
        means, bad = [], []
        for group in rows.groups(1, len(active), sphere.cost(a_round) * len(sphere.powers)):
            values, bad_here = sphere.values(active[group], drawn, centre)
            means.append(drawn.block_means(values))
            bad.append(bad_here)  # a row with a non-finite centre stops here, so that its centre counts once
        return torch.cat(means), torch.cat(bad)

    result = until(round_of, len(x), len(sphere.powers), tolerance, most_rounds, x.device)
    cost = result.rounds * sphere.cost(a_round) + int(centre is not None)
    covers = "all sampling error, by the spread of independent blocks; a little small, for the drawing stopped on it"
    freedom = (result.blocks - 1).double()
    return finish(x, result.mean, result.standard_error, result.nonfinite, cost, freedom, covers, single)
