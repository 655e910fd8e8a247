"""Measuring: problems, networks, estimators and seeds in, the tables of `plaplace.compare.tables` out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from plaplace.compare import grid, tables
from plaplace.compare.coverage import coverage_rows
from plaplace.compare.detecting.tables import TABLES
from plaplace.compare.learning import Learned, learn
from plaplace.compare.maps import map_rows
from plaplace.compare.problems import PROBLEMS, Problem
from plaplace.compare.provenance import collect, run_id, write_provenance
from plaplace.compare.published import published_rows
from plaplace.compare.runs import estimate_rows
from plaplace.compare.sizes import FULL, QUICK, Size
from plaplace.compare.truth import Truth

__all__ = ["Progress", "measure"]

Progress = Callable[[str, int, int], None]  # (stage, done, of how many)


def measure(
    out: Path,
    quick: bool = False,
    problems: Sequence[str] = tuple(PROBLEMS),
    progress: Progress = lambda stage, done, total: None,
    sizes: dict[str, Size] | None = None,
    training: dict[str, int | float | str] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Run everything on the problems named and write the tables into the folder; returns the provenance.

    The same arguments give the same tables, but for times and, on another machine, rounding.

    Args:
        out: an existing folder.
        quick: the small grid and the small training budgets.
        problems: keys of `PROBLEMS`.
        progress: called as each stage goes on.
        sizes, training: in place of the grid's sizes and changes to the networks' settings, for tests.
        settings: whatever else decides the numbers of the run, for its provenance.

    Raises:
        ValueError: an unknown problem.
    """
    unknown = [name for name in problems if name not in PROBLEMS]
    if unknown:
        raise ValueError(f"problem = {unknown[0]!r} was given; accepted are {', '.join(map(repr, PROBLEMS))}")
    size_of = sizes or (QUICK if quick else FULL)
    provenance = collect(
        quick=quick, problems=list(problems), seeds={n: size_of[n].seeds for n in problems}, **settings
    )
    key = run_id(provenance)
    provenance["run_id"] = key
    seconds: dict[str, float] = {}
    provenance["seconds"] = seconds
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in tables.COLUMNS if name not in TABLES}
    write_provenance(out, provenance)

    for name in problems:
        stage = _stages(name, seconds, progress)
        clock = stage("problem and training")
        problem = PROBLEMS[name]()
        learned = None
        if problem.network is not None:
            learned = learn(problem, quick, key, clock.report, **(training or {}))
            rows["training.csv"] += learned.rows
        clock.done()
        _measure_problem(problem, size_of[name], quick, learned, key, rows, stage)
        # after every problem: what was measured is kept if the next one fails
        for table, content in rows.items():
            tables.write(out / table, content)
        provenance["seconds"] = {stage: round(value, 1) for stage, value in seconds.items()}
        write_provenance(out, provenance)
    return provenance


def _measure_problem(
    problem: Problem,
    size: Size,
    quick: bool,
    learned: Learned | None,
    key: str,
    rows: dict[str, list[dict[str, Any]]],
    stage: Callable[[str], _Stage],
) -> None:
    exact = Truth(problem, size.truth_frames)
    at_network = problem if learned is None else problem.at_network_level()
    at_level = exact if at_network is problem else Truth(at_network, size.truth_frames)
    score = None if learned is None else learned.score

    clock, seen = stage("estimates"), set[tuple[Any, ...]]()
    for setting in clock.over(list(grid.settings(problem, size, quick))):
        for row in estimate_rows(setting, exact, at_level, score, key):
            # a run that two sweeps share, such as that at the radius of one and the budget of the other, counts once
            name = tuple(row[column] for column in tables.KEY)
            if name not in seen:
                seen.add(name)
                rows["estimates.csv"].append(row)
    clock = stage("coverage")
    for setting in clock.over(list(grid.repeated_settings(problem, size))):
        rows["coverage.csv"] += coverage_rows(setting, exact, key)
    if problem.name in grid.PUBLISHED:
        clock = stage("the paper's estimator")
        points = grid.PUBLISHED[problem.name]
        for _ in clock.over([problem.probe_radius]):
            rows["published.csv"] += published_rows(
                exact, problem.probe_radius, points, grid.PAPER_DIRECTIONS, 40 if quick else 200, key
            )
    if problem.name == "triangle":
        clock = stage("maps")
        for number in clock.over([41 if quick else 81]):
            rows["maps.csv.gz"] += map_rows(at_network, score, number, key)


class _Stage:
    """Adds the seconds of a stage to the provenance and reports how far it is."""

    def __init__(self, name: str, seconds: dict[str, float], progress: Progress) -> None:
        self.name, self.seconds, self.progress = name, seconds, progress
        self.start = time.perf_counter()

    def report(self, done: int, total: int) -> None:
        self.progress(self.name, done, total)

    def done(self) -> None:
        self.seconds[self.name] = self.seconds.get(self.name, 0.0) + time.perf_counter() - self.start
        self.report(1, 1)

    def over(self, items: list[Any]) -> Iterable[Any]:
        for number, item in enumerate(items):
            self.report(number, len(items))
            yield item
        self.done()


def _stages(name: str, seconds: dict[str, float], progress: Progress) -> Callable[[str], _Stage]:
    return lambda stage: _Stage(f"{name}: {stage}", seconds, progress)
