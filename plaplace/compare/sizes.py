"""How much is run: the numbers of the full and of the quick comparison, a `Size` for each problem."""

from __future__ import annotations

from dataclasses import dataclass, replace

from plaplace.compare.methods import METHODS

__all__ = ["FULL", "QUICK", "Size"]


@dataclass(frozen=True)
class Size:
    """How much is run on one problem.

    Attributes:
        methods: keys of `METHODS` that are run within every budget.
        budgets: score evaluations a point, for error against cost.
        points: where that is measured: points where the score is not near 0.
        learned_budget: the one of the budgets at which the learned score is run too.
        seeds: runs of each.
        radii: which of the problem's radii are swept.
        sweep: directions of the sweeps over radii and exponents.
        repeats: of a coverage cell.
        repeated_budgets: of the coverage table, for every method in `repeated`.
        more_repeated: further (method, budget) of it, at 0.1 widths.
        repeated: methods in it.
        truth_frames: frames of the long runs that stand for the exact ball mean where D > 3.
    """

    methods: tuple[str, ...]
    budgets: tuple[int, ...]
    points: tuple[int, ...]
    learned_budget: int
    seeds: int
    radii: tuple[int, ...]
    sweep: int
    repeats: int
    repeated_budgets: tuple[int, ...]
    more_repeated: tuple[tuple[str, int], ...]
    repeated: tuple[str, ...]
    truth_frames: int


_RANDOM = tuple(name for name, method in METHODS.items() if method.random)
_FLUXES = ("iid", "antithetic", "frame")

_TRIANGLE = Size(
    methods=tuple(METHODS),
    budgets=(16, 32, 64, 128),
    points=(7, 9, 10, 11),
    learned_budget=64,
    seeds=2,
    radii=(0, 1, 2, 3, 4, 5),
    sweep=64,
    repeats=400,
    repeated_budgets=(16, 64),
    more_repeated=(("iid", 256), ("antithetic", 256), ("frame", 256)),
    repeated=_RANDOM,
    truth_frames=0,
)
FULL: dict[str, Size] = {
    "triangle": _TRIANGLE,
    "d8": replace(
        _TRIANGLE,
        points=(4, 5, 6, 7),
        repeated_budgets=(32, 128),
        more_repeated=(("iid", 512), ("antithetic", 512), ("frame", 512)),
        truth_frames=20_000,
    ),
    # a whole +- frame has 128 directions: 512 are four, with a spread to judge
    "digits": replace(
        _TRIANGLE,
        budgets=(16, 32, 64, 128, 512),
        points=(2, 3, 5, 8),
        sweep=128,
        repeated_budgets=(32,),
        more_repeated=(("iid", 128), ("antithetic", 128), ("frame", 128), ("tangent", 128), ("frame", 512)),
        truth_frames=500,
    ),
    # a whole +- frame has 1,568 directions and a score call is dear
    "manifold": replace(
        _TRIANGLE,
        budgets=(16, 64, 256),
        points=(4, 5, 8, 9),
        repeated_budgets=(16,),
        more_repeated=(),
        repeated=(*_FLUXES, "orthonormal", "tangent"),
        truth_frames=4,
    ),
}


def _smaller(size: Size) -> Size:
    return replace(size, budgets=(16, 64), radii=(1, 2, 5), repeats=40, more_repeated=())


QUICK: dict[str, Size] = {
    "triangle": replace(_smaller(FULL["triangle"]), repeated_budgets=(64,)),
    "d8": replace(_smaller(FULL["d8"]), repeated_budgets=(32,), truth_frames=2000),
    "digits": replace(
        _smaller(FULL["digits"]),
        budgets=(16, 128),
        learned_budget=16,
        repeated=(*_FLUXES, "tangent"),
        truth_frames=20,
    ),
    "manifold": replace(
        _smaller(FULL["manifold"]),
        methods=(*_FLUXES, "tangent"),
        seeds=1,
        radii=(1,),
        repeats=20,
        repeated=_FLUXES,
        truth_frames=2,
    ),
}
