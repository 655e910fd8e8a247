"""Estimators beside the score calls they count, and five exponents beside one.

On the networks of `plaplace.compare.rivals.networks`: an MLP of 64-256-256-256-64 at 256 points and a U-Net of 28 x 28
pixels at 8, float32. Each job is timed in turn with its exponent, with p = 3, with five, and beside one forward pass
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from plaplace import Estimate, estimators
from plaplace.compare.rivals.contest import version
from plaplace.compare.rivals.networks import NETWORKS
from plaplace.compare.timing import Turns, median_interval, turns

__all__ = ["FULL", "QUICK", "Job", "estimator_rows"]

P = (1.0, 1.5, 2.0, 2.5, 3.0)
ANY = 3.0  # one that takes all that the five take: Hutchinson's p = 1 saves a product
RADIUS = 0.1

Score = Callable[[Tensor], Tensor]
Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One estimator on one network.

    Attributes:
        network: key of `NETWORKS`.
        estimator: function of `plaplace.estimators`.
        kind: of directions, or the method.
        m: directions or probes; D of a pointwise estimator, which takes no number.
        most: forward passes it may take; None where no figure was promised.
        p: the exponent.
    """

    network: str
    estimator: str
    kind: str
    m: int
    most: float | None = None
    p: float = 1.0

    @property
    def label(self) -> str:
        """The kind, with the exponent where the number of products depends on it.

        >>> Job("mlp", "hutchinson", "plain", 8, p=2.0).label
        'plain (p = 2)'
        """
        return f"{self.kind} (p = {self.p:g})" if self.estimator == "hutchinson" else self.kind


def _flux(network: str, kind: str, m: int) -> Job:
    # promised of the U-Net at 28 pixels; the calls of the small MLP may cost 15% more
    return Job(network, "sphere_flux", kind, m, (1.05 if network == "unet" else 1.15) * m)


def _hutchinson(network: str, method: str, m: int, p: float) -> Job:
    return Job(network, "hutchinson", method, m, 1.1 * m + 1, p)


FULL = (
    *(_flux("mlp", kind, m) for kind in ("iid", "frame") for m in (8, 32, 128)),
    *(_hutchinson("mlp", "tangent", m, 1.0) for m in (8, 32)),
    _hutchinson("mlp", "plain", 32, 2.0),
    *(_hutchinson("mlp", method, 32, ANY) for method in ("tangent", "plain")),
    Job("mlp", "autodiff", "exact trace", 64, 55),
    Job("mlp", "finite_difference", "central", 64),
    *(_flux("unet", "frame", m) for m in (8, 16)),
    *(_hutchinson("unet", "tangent", m, 1.0) for m in (1, 8)),
    *(_hutchinson("unet", "plain", m, p) for p in (2.0, ANY) for m in (1, 8)),
    _hutchinson("unet", "tangent", 8, ANY),
)
QUICK = (
    _flux("mlp", "frame", 8),
    _flux("mlp", "frame", 32),
    _hutchinson("mlp", "tangent", 8, 1.0),
    _flux("unet", "frame", 4),
)


def estimator_rows(jobs: Sequence[Job], repeats: int, progress: Callable[[str, int, int], None]) -> list[Row]:
    """A row a job. `ratio` is time over that of the evaluations counted, `forwards` over one forward pass, `five` five
    exponents over p = 3, each the median of the turns' ratios with its 95% interval by ranks.

    Jobs on a network whose package is not installed are left out.
    """
    runnable = [job for job in jobs if version(NETWORKS[job.network].package)]
    rows = []
    for done, job in enumerate(runnable):
        rows.append(_row(job, repeats))
        progress("cost of estimators", done + 1, len(runnable))
    return rows


def _row(job: Job, repeats: int) -> Row:
    network = NETWORKS[job.network]
    score, x = network.make(), network.points()
    one, single, five = (_call(score, x, job, p) for p in (job.p, ANY, P))
    evaluations = one().num_evaluations

    def forward() -> Tensor:
        with torch.no_grad():
            return score(x)

    found = turns({"one": one, "single": single, "five": five, "forward": forward}, repeats, least_ms=5.0)
    forwards = _ratio(found["one"], found["forward"])
    more = _ratio(found["five"], found["single"])
    timing = found["one"].timing
    return {
        "table": "estimator",
        "network": job.network,
        "contender": job.estimator,
        "kind": job.label,
        "N": network.batch,
        "D": x[0].numel(),
        "dtype": "float32",
        "num_directions": job.m,
        "num_evaluations": float(evaluations),
        "cpu_ms": timing.cpu_ms,
        "cpu_low": timing.cpu_low,
        "cpu_high": timing.cpu_high,
        "wall_ms": timing.wall_ms,
        "floor_ms": float(evaluations) * found["forward"].timing.cpu_ms,
        "ratio": forwards[0] / float(evaluations),
        "forwards": forwards[0],
        "forwards_low": forwards[1],
        "forwards_high": forwards[2],
        "most": job.most,
        "five": more[0],
        "five_low": more[1],
        "five_high": more[2],
        "repeats": repeats,
    }


def _ratio(over: Turns, under: Turns) -> tuple[float, float, float]:
    return median_interval([a / b for a, b in zip(over.cpu, under.cpu, strict=True)])


def _call(score: Score, x: Tensor, job: Job, p: float | Sequence[float]) -> Callable[[], Estimate]:
    g = torch.Generator().manual_seed(0)
    if job.estimator == "sphere_flux":
        return lambda: estimators.sphere_flux(
            score, x, p, radius=RADIUS, num_directions=job.m, directions=job.kind, generator=g
        )
    if job.estimator == "hutchinson":
        return lambda: estimators.hutchinson(score, x, p, num_probes=job.m, method=job.kind, generator=g)
    if job.estimator == "autodiff":
        return lambda: estimators.autodiff(score, x, p)
    return lambda: estimators.finite_difference(score, x, p)
