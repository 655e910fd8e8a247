"""What is run: for each problem the settings of the two tables, estimates (one row a run) and coverage (many repeats).

The same grid serves the quick and the full run; how large it is says `plaplace.compare.sizes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from plaplace.compare.methods import METHODS
from plaplace.compare.problems import Problem
from plaplace.compare.sizes import Size

__all__ = ["PUBLISHED", "Setting", "repeated_settings", "settings"]


@dataclass(frozen=True)
class Setting:
    """One estimator at one radius and number of directions, on some points.

    Attributes:
        method: a key of `METHODS`.
        radius: None for a pointwise method.
        number: of directions, points or probes.
        points: indices into the problem's points.
        exponents: p.
        seeds: 0 .. seeds-1: runs, or repeats.
        learned: whether the learned score is run too, with the same directions.
    """

    method: str
    radius: float | None
    number: int
    points: tuple[int, ...]
    exponents: tuple[float, ...]
    seeds: int
    learned: bool


SMALL, WIDE, SMALLEST = 0.1, 1.0, 0.03  # radii of the coverage table, in widths
_TINY = ("iid", "antithetic", "frame")  # the methods run at the smallest
# points at which the paper's estimator is run as published: its seven, and four of the digits
PUBLISHED = {"triangle": tuple(range(7)), "digits": (2, 3, 5, 8)}
PAPER_RADIUS, PAPER_DIRECTIONS, PAPER_POINTS = 1.0, 64, (0, 3, 6)  # a mode, a midpoint, the centre


def settings(problem: Problem, size: Size, quick: bool) -> Iterator[Setting]:
    """The settings of estimates.csv."""
    everywhere = tuple(range(len(problem.points)))
    radius = _radius(problem, SMALL)
    # 1. radii and exponents, everywhere, with our estimator; with the paper's at its directions
    for each in (problem.radii[i] for i in size.radii):
        yield Setting("frame", each, size.sweep, everywhere, problem.exponents, 1, True)
        # below a tenth of the width rounding rules, above the width the limit is far
        if "richardson" in size.methods and SMALL - 1e-9 <= each / problem.width <= WIDE + 1e-9:
            yield Setting("richardson", each, size.sweep, size.points, (1.0, 2.0), 1, False)
        yield Setting("iid", each, size.sweep, size.points, (1.0, 2.0), 1, True)
    # 2. error against cost, every method
    for budget in size.budgets:
        for name, number in _numbers(size.methods, budget, problem.dimension, size.budgets[0] == budget):
            method = METHODS[name]
            yield Setting(
                name,
                radius if method.has_radius else None,
                number,
                size.points,
                (1.0, 2.0),
                size.seeds if method.random else 1,
                budget == size.learned_budget or not method.random,
            )
    # 3. the paper's figure
    if problem.name == "triangle":
        for name, seeds in (("iid", 200), ("volume", 200), ("frame", 20)):
            yield Setting(
                name, PAPER_RADIUS, PAPER_DIRECTIONS, PAPER_POINTS, (1.0,), seeds // (5 if quick else 1), True
            )


def repeated_settings(problem: Problem, size: Size) -> Iterator[Setting]:
    """The settings of coverage.csv."""
    everywhere = tuple(range(len(problem.points)))
    seen: set[tuple[str, float | None, int]] = set()

    def setting(name: str, widths: float, number: int) -> Iterator[Setting]:
        radius = _radius(problem, widths) if METHODS[name].has_radius else None
        if (name, radius, number) not in seen:
            seen.add((name, radius, number))
            yield Setting(name, radius, number, everywhere, (1.0, 2.0), size.repeats, False)

    for budget in size.repeated_budgets:
        for name, number in _numbers(size.repeated, budget, problem.dimension, True):
            yield from setting(name, SMALL, number)
    # a wide ball, where curvature tells, and a tiny one, where only the spread of the estimator does
    for widths, names in ((WIDE, size.repeated), (SMALLEST, _TINY)):
        for name, number in _numbers(names, size.repeated_budgets[0], problem.dimension, True):
            yield from setting(name, widths, number)
    for name, budget in size.more_repeated:
        yield from setting(name, SMALL, METHODS[name].number(budget, problem.dimension))


def _numbers(names: tuple[str, ...], budget: int, dimension: int, first: bool) -> Iterator[tuple[str, int]]:
    """(method, number) of those that can run within the budget; those without a choice of number once, at the first."""
    for name in names:
        number = METHODS[name].number(budget, dimension)
        if number > 0 and (METHODS[name].random or first):
            yield name, number


def _radius(problem: Problem, widths: float) -> float:
    """The one of the problem's radii that is so many widths: to the last bit, so that truths are shared."""
    return min(problem.radii, key=lambda radius: abs(radius - widths * problem.width))
