"""What random probes tell of the Jacobian, and drawing them until their error is small enough."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from plaplace.directions import Summary, summarise
from plaplace.estimate import Estimate
from plaplace.estimators._deflated import hutch_plus_plus, xtrace
from plaplace.estimators._jacobian import Frame, Jacobian
from plaplace.estimators._probes import Probes, draw_probes
from plaplace.estimators._rows import Rows, finish
from plaplace.estimators._sequential import until
from plaplace.operators import p_laplacian, unit_normal

__all__ = ["Trace", "probe_until"]


@dataclass(frozen=True)
class Normal:
    """What the score and one product give at each point: `|s|`, n, n'Jn and the share of e_1 at critical points."""

    norm: Tensor
    normal: Tensor
    along: Tensor
    across: Tensor

    @staticmethod
    def of(jacobian: Jacobian, product: bool) -> Normal:
        """Without the product n'Jn and the share stay 0."""
        norm, normal = unit_normal(jacobian.scores())
        if not product:
            return Normal(norm, normal, torch.zeros_like(norm), torch.zeros_like(norm))
        frame = Frame.of(normal)
        along, across = frame.split(jacobian.forms(frame.first()))
        return Normal(norm, normal, along, across)

    @staticmethod
    def cat(parts: list[Normal]) -> Normal:
        columns = zip(*((n.norm, n.normal, n.along, n.across) for n in parts), strict=True)
        return Normal(*map(torch.cat, columns))

    def __getitem__(self, which: Tensor) -> Normal:
        return Normal(self.norm[which], self.normal[which], self.along[which], self.across[which])


@dataclass(frozen=True)
class Trace:
    """What one call of `hutchinson` samples: the exponents, eps, the mode of products and the method of the trace."""

    rows: Rows
    powers: list[float]
    eps: float
    mode: str
    method: str

    @property
    def dimension(self) -> int:
        """d, of the space the probes live in: R^D for "plain", else the tangent space, R^(D-1)."""
        return self.rows.dimension - (self.method != "plain")

    @property
    def normal_product(self) -> bool:
        """Whether n'Jn enters beside what is sampled.

        With "plain", which samples n'Jn too, p = inf alone takes it. The tangential trace is all of p = 1, at eps = 0;
        where n = 0, so that a direction is missing, that has no value.
        """
        if self.method == "plain":
            return any(map(math.isinf, self.powers))
        return self.eps > 0 or any(p != 1 for p in self.powers)

    def draw(self, distribution: str, number: int, generator: torch.Generator) -> Probes:
        """Probes that spend `number` products (fewer for a whole orthonormal frame)."""
        if self.method == "hutch++":
            sketch = draw_probes(distribution, number // 3, self.dimension, generator).vectors
            probes = draw_probes(distribution, number - 2 * len(sketch), self.dimension, generator)
            return replace(probes, products=number, sketch=sketch)
        if self.method == "xtrace":
            return replace(draw_probes(distribution, number // 2, self.dimension, generator), products=number)
        return draw_probes(distribution, number, self.dimension, generator)

    def look(self, which: slice, probes: Probes | None) -> tuple[Tensor, Tensor]:
        """p-Laplacians (b, m, P), one a probe, and non-finite scores or products (b,), of some rows.

        Without probes m = 1 and the tangential trace is what critical points keep of it.
        """
        points = self.rows.flat[which]
        if not len(points):
            number = 1 if probes is None else len(probes.vectors)
            return torch.zeros(0, number, len(self.powers), dtype=torch.float64), torch.zeros(0, dtype=torch.int64)
        with Jacobian.at(self.rows, points, self.mode) as jacobian:
            known = Normal.of(jacobian, probes is None or self.normal_product)
            curvatures = (known.along[:, None], known.across[:, None])
            if probes is not None:
                curvatures = self.curvatures(jacobian, known, probes)
        return self.values(known, *curvatures), jacobian.failed

    def values(self, known: Normal, along: Tensor, tangential: Tensor) -> Tensor:
        """p-Laplacians (b, m, P) from m samples of the curvatures: n'Jn, (b, m) or (b, 1), and tr_T J, (b, m)."""
        # the norm and an exact n'Jn stay (b, 1): their powers are taken once a point, not once a probe
        norm, exact = known.norm[:, None], known.along[:, None]
        columns = [
            p_laplacian(norm, exact if math.isinf(p) else along, tangential, p, self.eps).expand_as(tangential)
            for p in self.powers
        ]
        return torch.stack(columns, -1)

    def curvatures(self, jacobian: Jacobian, known: Normal, probes: Probes) -> tuple[Tensor, Tensor]:
        """n'Jn, exact (b, 1) or sampled (b, m), and samples (b, m) of the tangential trace, unbiased, one a probe."""
        if self.method == "plain":
            return self._plain(jacobian, known, probes)
        return known.along[:, None], self._tangential(jacobian, known, probes) + known.across[:, None]

    def _plain(self, jacobian: Jacobian, known: Normal, probes: Probes) -> tuple[Tensor, Tensor]:
        """`(v'n)(n'Jv)` and `v'Jv` less it; only the latter, with 0 for the former, where p = 2 alone is asked for."""
        z = probes.vectors.to(known.normal.device)
        shared = z.expand(len(known.norm), *z.shape)
        if all(p == 2 or math.isinf(p) for p in self.powers):
            parts = [jacobian.forms(some) for some in shared.split(jacobian.block, 1)]
            return torch.zeros_like(known.along)[:, None], torch.cat(parts, 1)
        pairs = [jacobian.forms_beside(some, known.normal) for some in shared.split(jacobian.block, 1)]
        whole, beside = (torch.cat(each, 1) for each in zip(*pairs, strict=True))
        along = (known.normal @ z.T) * beside
        return along, whole - along

    def _tangential(self, jacobian: Jacobian, known: Normal, probes: Probes) -> Tensor:
        """Samples (b, m) of the trace over the tangents of a `Frame`."""
        frame = Frame.of(known.normal)
        z = probes.vectors.to(known.normal.device)
        if self.method == "tangent":
            return torch.cat([jacobian.forms(frame.embed(some)) for some in z.split(jacobian.block)], 1)

        def apply(vectors: Tensor) -> Tensor:
            return frame.coordinates(jacobian.products(frame.embed(vectors)))

        if probes.sketch is None:
            return xtrace(apply, z)
        return hutch_plus_plus(apply, probes.sketch.to(z.device), z)

    def summarise(self, values: Tensor, probes: Probes) -> Summary:
        """Mean over probes of values (B, m, P) with its standard error. J being linear, that of one frame is whole."""
        summary = summarise(values, probes.sizes, probes.population, "probes")
        m = len(probes.vectors)
        covers = {
            "hutch++": f"the sampling error left given the sketched subspace, by the spread of {m} probes",
            "xtrace": f"all sampling error, by the jackknife over {m} probes: rather too large than too small",
        }.get(self.method, f"all sampling error, by the spread of {m} {'axes' if probes.population else 'probes'}")
        if summary.degrees_of_freedom == 0:
            covers = summary.covers
        elif probes.population == m and self.method != "hutch++":
            covers = "nothing random: a whole frame of probes gives the trace exactly"
        return summary._replace(covers=covers)


def probe_until(
    trace: Trace,
    x: Tensor,
    single: bool,
    num_probes: int,
    distribution: str,
    tolerance: float,
    max_probes: int,
    generator: torch.Generator,
) -> Estimate:
    """Rounds of `num_probes` probes until each row's standard error is at most the tolerance.

    Orthonormal probes go on in one frame, whose end is the exact trace. In reverse mode every round after the first
    repeats the forward pass for the rows that are left.
    """
    rows, d = trace.rows, trace.dimension
    orthonormal = distribution == "orthonormal"
    most = min(max_probes, d) if orthonormal else max_probes // num_probes * num_probes
    whole = draw_probes(distribution, most, d, generator) if orthonormal else None
    known: list[Normal] = []  # of all rows, from the first round
    drawn = 0

    def round_of(active: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal drawn
        if whole is None:
            probes = draw_probes(distribution, num_probes, d, generator)
        else:
            probes = replace(whole, vectors=whole.vectors[drawn : drawn + num_probes])
        values, bad, fresh = [], [], []
        for group in rows.groups(1, len(active)):
            which = active[group]
            with Jacobian.at(rows, rows.flat[which], trace.mode) as jacobian:
                here = known[0][which] if known else Normal.of(jacobian, trace.normal_product)
                values.append(trace.values(here, *trace.curvatures(jacobian, here, probes)))
            bad.append(jacobian.failed)
            fresh.append(here)
        if not known:
            known.append(Normal.cat(fresh))
        drawn += len(probes.vectors)
        return torch.cat(values), torch.cat(bad)

    population = d if orthonormal else None
    rounds = -(-most // num_probes)
    result = until(round_of, len(x), len(trace.powers), tolerance, rounds, x.device, population)
    repeated = (result.rounds - 1).clamp(min=0) * (trace.mode == "reverse")
    cost = 1 + 2 * trace.normal_product + 2 * result.blocks + repeated
    freedom = (result.blocks - 1).double()
    if orthonormal:
        freedom = freedom.masked_fill(result.blocks == d, torch.inf)
    covers = "all sampling error, by the spread of the probes; a little small, for the drawing stopped on it"
    return finish(x, result.mean, result.standard_error, result.nonfinite, cost, freedom, covers, single)
