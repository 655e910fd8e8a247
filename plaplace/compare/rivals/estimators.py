"""Our estimators on networks beside others: curvlinops, torch.func, the paper's flux as published; at equal calls.

A rival gives a trace or a flux and nothing else; ours gives the p-Laplacian with its standard error: of p = 1, or, by
"plain", of p = 2, which is the trace. The floor is score calls on the same batch, alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from plaplace import Estimate, estimators
from plaplace.compare.published import as_published
from plaplace.compare.rivals.cases import Target
from plaplace.compare.rivals.contest import Contender, Contest, Work, our
from plaplace.compare.rivals.networks import NETWORKS, Score
from plaplace.compare.rivals.packages import version

__all__ = ["JOBS", "Job", "estimator_contest"]

RADIUS = 0.1


@dataclass(frozen=True)
class Job:
    """What is estimated of a network with how many products or directions m, and how many forward passes it may take.

    `rivals` are keys of `RIVALS`; `points` replaces the network's usual batch.
    """

    network: str
    method: str
    m: int
    most: float
    rivals: tuple[str, ...]
    points: int | None = None

    @property
    def slug(self) -> str:
        """Network, method and, where it samples, m."""
        return f"{self.network}-{self.method}" + ("" if self.method == "exact" else f"-{self.m}")


_TRACES = ("vmap(jvp) trace", "jacfwd trace", "reverse loop trace")
_SAMPLED = ("curvlinops Hutchinson", "vmap(jvp) Hutchinson", "reverse loop Hutchinson")

_ALL = (
    Job("mlp", "exact", 64, 55, _TRACES),
    Job("mlp", "hutchinson", 8, 9.8, _SAMPLED),
    Job("mlp", "hutchinson", 32, 36.2, _SAMPLED),
    Job("mlp", "hutch++", 30, 34, ("curvlinops Hutch++",)),
    Job("mlp", "xtrace", 30, 34, ("curvlinops XTrace",)),
    Job("mlp", "flux", 32, 36.8, ("flux as published", "flux loop")),
    Job("unet", "exact", 784, 784, ("reverse loop trace",), points=2),
    Job("unet", "hutchinson", 8, 9.8, ("reverse loop Hutchinson",)),
    Job("unet", "flux", 32, 33.6, ("flux loop",)),
)
JOBS = {job.slug: job for job in _ALL}

Make = Callable[[Score, int], Work]


def _rademacher(m: int, x: Tensor) -> Tensor:
    return (torch.randint(0, 2, (m, *x.shape), dtype=torch.int8) * 2 - 1).to(x.dtype)


def vmap_jvp_trace(score: Score, m: int) -> Work:
    """Sum over unit vectors of forward-mode products, all tangents of the batch in one vmap."""

    def trace(x: Tensor) -> Tensor:
        def entry(v: Tensor) -> Tensor:
            return (torch.func.jvp(score, (x,), (v.expand_as(x),))[1] * v).sum(-1)

        return torch.func.vmap(entry)(torch.eye(x.shape[1], dtype=x.dtype)).sum(0)

    return trace


def jacfwd_trace(score: Score, m: int) -> Work:
    """Traces of the Jacobians of `torch.func.jacfwd`, vmapped over points."""
    jacobian = torch.func.vmap(torch.func.jacfwd(lambda point: score(point[None])[0]))
    return lambda x: jacobian(x).diagonal(dim1=1, dim2=2).sum(1)


def reverse_loop_trace(score: Score, m: int) -> Work:
    """D reverse-mode products on one forward pass, one after another."""

    def trace(x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        value = score(x).flatten(1)
        total = torch.zeros(len(x), dtype=x.dtype)
        for i in range(value.shape[1]):
            (row,) = torch.autograd.grad(value[:, i].sum(), x, retain_graph=True)
            total += row.flatten(1)[:, i]
        return total

    return trace


def vmap_jvp_hutchinson(score: Score, m: int) -> Work:
    """m Rademacher probes by forward-mode products, all of the batch in one vmap."""

    def trace(x: Tensor) -> Tensor:
        def form(v: Tensor) -> Tensor:
            return (torch.func.jvp(score, (x,), (v,))[1] * v).flatten(1).sum(1)

        return torch.func.vmap(form)(_rademacher(m, x)).mean(0)

    return trace


def reverse_loop_hutchinson(score: Score, m: int) -> Work:
    """m Rademacher probes by reverse-mode products on one forward pass, one after another."""

    def trace(x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        value = score(x)
        forms = []
        for v in _rademacher(m, x):
            (product,) = torch.autograd.grad(value, x, v, retain_graph=True)
            forms.append((product * v).flatten(1).sum(1))
        return torch.stack(forms).mean(0)

    return trace


def flux_published(score: Score, m: int) -> Work:
    """The released estimator, p = 1 (`plaplace.compare.published`)."""
    g = torch.Generator().manual_seed(0)
    return lambda x: as_published(score, x, [1.0], RADIUS, m, g)


def flux_loop(score: Score, m: int) -> Work:
    """`(D/R)` mean of cos(s, n) over independent directions, one score call of the batch a direction."""

    def flux(x: Tensor) -> Tensor:
        total = torch.zeros(len(x), dtype=x.dtype)
        for _ in range(m):
            n = torch.randn_like(x)
            n = n / n.flatten(1).norm(dim=1).reshape(-1, *[1] * (x.ndim - 1))
            total += torch.cosine_similarity(score(x + RADIUS * n).flatten(1), n.flatten(1))
        return x[0].numel() / RADIUS * total / m

    return flux


def _curvlinops(name: str) -> Make:
    """One linear operator a point, for curvlinops knows single matrices; its m products run as one batch."""

    def make(score: Score, m: int) -> Work:
        from plaplace.compare.rivals.point_jacobian import traces

        return traces(name, score, m)

    return make


# name -> what it gives, package, how it is made
RIVALS: dict[str, tuple[str, str, Make]] = {
    "vmap(jvp) trace": ("trace", "torch", vmap_jvp_trace),
    "jacfwd trace": ("trace", "torch", jacfwd_trace),
    "reverse loop trace": ("trace", "torch", reverse_loop_trace),
    "vmap(jvp) Hutchinson": ("trace", "torch", vmap_jvp_hutchinson),
    "reverse loop Hutchinson": ("trace", "torch", reverse_loop_hutchinson),
    "curvlinops Hutchinson": ("trace", "curvlinops-for-pytorch", _curvlinops("hutchinson_trace")),
    "curvlinops Hutch++": ("trace", "curvlinops-for-pytorch", _curvlinops("hutchpp_trace")),
    "curvlinops XTrace": ("trace", "curvlinops-for-pytorch", _curvlinops("xtrace")),
    "flux as published": ("flux", "torch", flux_published),
    "flux loop": ("flux", "torch", flux_loop),
}


def _ours(job: Job, score: Score) -> dict[str, Work]:
    """The default first; ratios and targets are about it."""
    g = torch.Generator().manual_seed(0)
    if job.method == "exact":
        modes = ("reverse", "forward") if job.network == "mlp" else ("reverse",)  # forward: 3 times as long there
        return {f"autodiff {mode}": partial(_autodiff, score, mode) for mode in modes}
    if job.method == "flux":
        return {f"sphere_flux {kind}": partial(_flux, score, job.m, kind, g) for kind in ("frame", "iid")}
    methods = {"tangent": 1.0, "plain": 2.0} if job.method == "hutchinson" else {job.method: 1.0}
    return {f"hutchinson {method}": partial(_hutchinson, score, job.m, method, p, g) for method, p in methods.items()}


def _autodiff(score: Score, mode: str, x: Tensor) -> Estimate:
    return estimators.autodiff(score, x, 1.0, mode=mode)


def _flux(score: Score, m: int, directions: str, g: torch.Generator, x: Tensor) -> Estimate:
    return estimators.sphere_flux(score, x, 1.0, radius=RADIUS, num_directions=m, directions=directions, generator=g)


def _hutchinson(score: Score, m: int, method: str, p: float, g: torch.Generator, x: Tensor) -> Estimate:
    return estimators.hutchinson(score, x, p, num_probes=m, method=method, generator=g)


def estimator_contest(job: Job) -> Contest:
    """Ours, the rivals and the floor of one job."""
    network = NETWORKS[job.network]
    score, x = network.make(), network.points(job.points)
    contenders = [our(name, "p_laplacian", work) for name, work in _ours(job, score).items()]
    contenders.append(Contender("forward", "floor", "", lambda: score, version("torch"), note="one score call"))
    if job.method == "flux":
        contenders.append(
            Contender(
                f"{job.m} calls",
                "floor",
                "",
                lambda: lambda x: [score(x) for _ in range(job.m)],
                version("torch"),
                note="the score calls of the estimate, alone",
            )
        )
    for name in job.rivals:
        quantity, package, make = RIVALS[name]
        found = version(package)
        contenders.append(
            Contender(
                name,
                "rival",
                quantity,
                partial(make, score, job.m),
                found,
                "" if found else f"not run: {package} is not installed",
            )
        )
    labels = {
        "case": job.slug,
        "form": "network",
        "kind": job.network,
        "D": x[0].numel(),
        "K": "",
        "N": len(x),
        "dtype": "float32",
    }
    return Contest(labels, x, tuple(contenders), (Target(job.most, (("forward", 1.0),)),))
