"""What things cost: exact p-Laplacians against N, K and D, and estimators beside the score calls they count.

Every time stands beside a floor measured in the same turns. Of an exact value the floor is one matrix product (GEMM)
that reads every parameter of the mixture once a point: (N, D) by (D, K) for spherical and diagonal covariances,
(D, K R) for low-rank and (D, K D) for full ones. Of an estimator it is the score calls it counts, timed alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from plaplace import Estimate, GaussianMixture, LowRank, estimators
from plaplace.compare.timing import Timing, interleaved, one_thread

__all__ = ["CASES", "Case", "estimator_rows", "exact_rows", "measure"]

Progress = Callable[[str, int, int], None]
RANK = 8


@dataclass(frozen=True)
class Case:
    """One mixture to time: `sweep` is the letter that varies, the others stay at the base."""

    sweep: str
    kind: str
    N: int
    K: int
    D: int


# What varies around the base (N, K, D); full covariances are D times dearer and stop earlier
_BASE = Case("", "", 2048, 16, 32)
CASES: dict[str, tuple[int, ...]] = {
    "N": (256, 512, 1024, 2048, 4096, 8192),
    "K": (2, 4, 8, 16, 32, 64, 128),
    "D": (2, 4, 8, 16, 32, 64, 128, 256),
}
_QUICK: dict[str, tuple[int, ...]] = {"N": (512, 2048), "K": (4, 16), "D": (8, 32)}
KINDS = ("spherical", "diagonal", "low_rank", "full")


def measure(folder: Path, quick: bool = False, progress: Progress | None = None) -> Path:
    """Time everything on one thread and write `cost.csv` into the folder; its path.

    Columns: table ("exact" | "estimator"), sweep, contender, kind, N, K, D, num_directions, num_evaluations, cpu_ms,
    cpu_low, cpu_high (quartiles), wall_ms, floor_ms, ratio (processor time over floor), repeats, threads.
    About 2 minutes, quick 20 seconds.
    """
    report = progress or (lambda stage, done, total: None)
    with one_thread():
        rows = exact_rows(quick, report) + estimator_rows(quick, report)
    path = Path(folder) / "cost.csv"
    pd.DataFrame(rows).assign(threads=1).to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
    return path


def exact_rows(quick: bool, progress: Progress) -> list[dict[str, object]]:
    """`p_laplacian` for four exponents at once and `log_prob`, per kind, against N, K and D; float64."""
    cases = list(_cases(_QUICK if quick else CASES))
    rows: list[dict[str, object]] = []
    for done, case in enumerate(cases):
        mixture, x, columns = _mixture(case)
        other = torch.randn(case.D, columns, dtype=torch.float64)
        work: dict[str, Callable[[], object]] = {
            "p_laplacian": lambda q=mixture, x=x: q.p_laplacian(x, (1.0, 1.5, 2.0, 3.0)),  # type: ignore[misc]
            "log_prob": lambda q=mixture, x=x: q.log_prob(x),  # type: ignore[misc]
            "gemm": lambda x=x, other=other: x @ other,  # type: ignore[misc]
        }
        times = interleaved(work, repeats=5 if quick else 7)
        floor = times["gemm"].cpu_ms
        shape = {"kind": case.kind, "N": case.N, "K": case.K, "D": case.D}
        rows += [
            {"table": "exact", "sweep": case.sweep, "contender": name, **shape} | _columns(times[name], floor)
            for name in ("p_laplacian", "log_prob")
        ]
        progress("cost", done + 1, len(cases))
    return rows


def _cases(sweeps: dict[str, tuple[int, ...]]) -> Iterator[Case]:
    for sweep, sizes in sweeps.items():
        for size in sizes:
            for kind in KINDS:
                case = replace(_BASE, sweep=sweep, kind=kind, **{sweep: size})
                if kind == "full" and case.N * case.K * case.D**2 > 2**29:
                    continue  # a second a call, many calls
                yield case


def _mixture(case: Case) -> tuple[GaussianMixture, Tensor, int]:
    """The mixture, its points (N, D), and the number of columns of its floor's product."""
    g = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=g)

    K, D = case.K, case.D
    rank = min(RANK, D)
    isotropic = 0.5 + normal(K).square()
    covariance: Tensor | LowRank
    if case.kind == "spherical":
        covariance, columns = isotropic, K
    elif case.kind == "diagonal":
        covariance, columns = 0.5 + normal(K, D).square(), K
    elif case.kind == "low_rank":
        covariance, columns = LowRank(isotropic, normal(K, D, rank)), K * rank
    else:
        root = normal(K, D, D) / math.sqrt(D)
        covariance, columns = root @ root.mT + 0.5 * torch.eye(D, dtype=torch.float64), K * D
    means = normal(K, D)
    weights = torch.full((K,), 1 / K, dtype=torch.float64)
    return GaussianMixture(weights, means, covariance), means[torch.arange(case.N) % K] + normal(case.N, D), columns


# estimator -> directions -> numbers of directions; one call serves the four exponents where the estimator takes many
ESTIMATORS: dict[str, tuple[tuple[str, int], ...]] = {
    "sphere_flux": (("iid", 8), ("iid", 32), ("iid", 128), ("frame", 8), ("frame", 32), ("frame", 128)),
    "hutchinson": (("tangent", 8), ("tangent", 32), ("plain", 32)),
    "autodiff": (("reverse", 64),),
    "finite_difference": (("central", 64),),
}


def estimator_rows(quick: bool, progress: Progress) -> list[dict[str, object]]:
    """Estimators on an MLP 64-256-256-256-64, float32, 256 points, against the score calls they count."""
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Linear(64, 256)]
    for width in (256, 256, 64):
        layers += [nn.SiLU(), nn.Linear(256, width)]
    score = nn.Sequential(*layers).requires_grad_(False)
    x = torch.randn(256, 64)
    jobs = [(name, kind, m) for name, kinds in ESTIMATORS.items() for kind, m in kinds]
    if quick:
        jobs = [job for job in jobs if job[2] <= 32]
    rows: list[dict[str, object]] = []
    for done, (name, kind, m) in enumerate(jobs):
        call = _call(score, x, name, kind, m)
        evaluations = call().num_evaluations
        times = interleaved({"estimator": call, "forward": lambda: score(x)}, repeats=5, least_ms=5.0)
        floor = float(evaluations) * times["forward"].cpu_ms
        shape = {"kind": kind, "N": 256, "K": "", "D": 64, "num_directions": m, "num_evaluations": evaluations}
        rows.append(
            {"table": "estimator", "sweep": "", "contender": name, **shape} | _columns(times["estimator"], floor)
        )
        progress("cost of estimators", done + 1, len(jobs))
    return rows


def _call(score: nn.Module, x: Tensor, name: str, kind: str, m: int) -> Callable[[], Estimate]:
    g = torch.Generator().manual_seed(0)
    p = (1.0, 1.5, 2.0, 3.0)
    if name == "sphere_flux":
        return lambda: estimators.sphere_flux(score, x, p, radius=0.1, num_directions=m, directions=kind, generator=g)
    if name == "hutchinson":
        return lambda: estimators.hutchinson(score, x, p, num_probes=m, method=kind, generator=g)
    if name == "autodiff":
        return lambda: estimators.autodiff(score, x, p)
    return lambda: estimators.finite_difference(score, x, p)


def _columns(time: Timing, floor: float) -> dict[str, object]:
    return {
        "cpu_ms": time.cpu_ms,
        "cpu_low": time.cpu_low,
        "cpu_high": time.cpu_high,
        "wall_ms": time.wall_ms,
        "floor_ms": floor,
        "ratio": time.cpu_ms / floor,
        "repeats": time.repeats,
    }
