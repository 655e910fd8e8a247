"""A contest: contenders for one job, as callables of the points, all timed in the same turns."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor

from plaplace import GaussianMixture, __version__
from plaplace.compare.rivals.cases import Problem, Target
from plaplace.compare.rivals.exact import RIVALS
from plaplace.compare.rivals.floors import floors
from plaplace.compare.rivals.packages import version
from plaplace.mixture.compiling import compiled
from plaplace.mixture.fast.fused import MOST_COMPONENTS, MOST_DIMENSIONS

__all__ = ["Contender", "Contest", "exact_contest", "our", "version"]

Work = Callable[[Tensor], object]


@dataclass(frozen=True)
class Contender:
    """One way to do the job.

    Attributes:
        role: "ours", "rival" or "floor".
        quantity: what it gives; "" for a floor.
        make: the work, a callable of points; what it needs once is prepared here, outside the time.
        version: of the package behind it.
        obstacle: why it is not run, or "".
        note: for the table.
    """

    name: str
    role: str
    quantity: str
    make: Callable[[], Work]
    version: str
    obstacle: str = ""
    note: str = ""


@dataclass(frozen=True)
class Contest:
    """Contenders for one job at the points x; the first of ours is what targets and ratios are about.

    `labels` are the columns case, form, kind, D, K, N and dtype of its rows. A floor's work does not depend on how many
    points it is given. Where `best_of` is not "", ours ought to be 3 times faster than the best rival for it.
    """

    labels: dict[str, Any]
    x: Tensor
    contenders: tuple[Contender, ...]
    targets: tuple[Target, ...]
    best_of: str = ""

    @property
    def base(self) -> Contender:
        """The first of ours."""
        return next(each for each in self.contenders if each.role == "ours")

    @property
    def ours(self) -> dict[str, Contender]:
        """Quantity -> the first of ours that gives it."""
        return {each.quantity: each for each in reversed(self.contenders) if each.role == "ours"}


def our(name: str, quantity: str, work: Work) -> Contender:
    """A contender of ours."""
    return Contender(name, "ours", quantity, lambda: work, f"plaplace {__version__}")


def exact_contest(problem: Problem, quick: bool = False) -> Contest:
    """The exact core on one problem: ours three times and compiled where it can be, floors, rivals of `exact.RIVALS`.

    Quick: without those that differentiate above 64 dimensions, of which one point takes seconds.
    """
    case, q = problem.case, problem.mixture
    ours = {
        "p_laplacian": lambda x: q.p_laplacian(x, 1.0),
        "laplacian": q.laplacian,
        "log_prob": q.log_prob,
    }
    contenders = [our("plaplace", quantity, work) for quantity, work in ours.items()]
    if case.kind != "low_rank" and 2 <= case.D <= MOST_DIMENSIONS and case.K <= MOST_COMPONENTS:
        contenders += _compiled(q, quick)
    contenders += [
        Contender(name, "floor", "", partial(_blind, work), version("torch")) for name, work in floors(problem).items()
    ]
    for name, rival in RIVALS.items():
        if rival.differentiates and problem.form != "typical":
            continue
        slow = quick and rival.differentiates and case.D > 64
        contenders.append(
            Contender(
                name,
                "rival",
                rival.quantity,
                partial(rival.make, problem.parameters),
                version(rival.package),
                rival.obstacle(case) or ("not run: left out of the quick form" if slow else ""),
                rival.note,
            )
        )
    labels = {
        "case": case.slug,
        "form": problem.form,
        "kind": case.kind,
        "D": case.D,
        "K": case.K,
        "N": case.N,
        "dtype": str(case.dtype).removeprefix("torch."),
    }
    targets = tuple(target for target in case.targets if target.form in ("", problem.form))
    return Contest(labels, problem.x, tuple(contenders), targets, best_of="laplacian")


def _compiled(q: GaussianMixture, quick: bool) -> list[Contender]:
    """Ours, compiled: the seconds that compiling takes are outside the time."""
    compiler = any(map(shutil.which, (os.environ.get("CXX", "g++"), "g++", "clang++")))
    obstacle = "" if compiler else "not run: torch.compile needs a C++ compiler"
    if quick:
        obstacle = "not run: left out of the quick form"
    fast, name = compiled(q), "plaplace, compiled"
    works: dict[str, Work] = {"p_laplacian": lambda x: fast.p_laplacian(x, 1.0), "laplacian": fast.laplacian}
    return [replace(our(name, quantity, work), obstacle=obstacle) for quantity, work in works.items()]


def _blind(work: Callable[[], object]) -> Work:
    """A floor has its own numbers to work on, the size of the whole problem."""
    return lambda x: work()
