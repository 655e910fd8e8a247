"""The Gaussian-mixture figures of the p-Laplace paper, arXiv 2505.08246, beside their exact values.

    python docs/reproductions/paper_2505_08246.py --out results/reproductions/paper

Total outward flux of the unit normal field s/|s| through circles of radius 1 at the modes, edge midpoints and centre of
the triangle, by the paper's two estimators and by ours, on the exact score and on the paper's network after each of
several trainings; the flux over the plane for p = 1, 2, 3; and the estimator as published against as defined. Tables:
flux.csv, training.csv, published.csv, map.csv.gz.

Source: Brokman, Giloni, Hofman, Vainshtein, Kojima, Gilboa, "Identifying memorization of diffusion models through
p-Laplace analysis" (2025), arXiv 2505.08246.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from output import arguments, write_figure, write_table
from paper_figures import draw_flux, draw_map
from torch import Tensor

from plaplace import networks
from plaplace.compare import figures
from plaplace.compare.figures.style import styled
from plaplace.compare.learning import relative_score_error
from plaplace.compare.maps import map_rows
from plaplace.compare.methods import METHODS, Score
from plaplace.compare.names import contender
from plaplace.compare.problems import Problem, triangle
from plaplace.compare.published import published_rows
from plaplace.compare.summaries.paper import PANELS
from plaplace.compare.truth import Truth, generator_for
from plaplace.estimators import sphere_flux

RADIUS, DIRECTIONS, REPEATS = 1.0, 64, 200  # the paper's
POINTS = 7  # the first of the problem's: three modes, three midpoints, the centre
ESTIMATORS = {"boundary": "iid", "volume": "volume", "frames": "frame"}  # -> key of compare.methods
EXPONENTS = (1.0, 2.0, 3.0)
HALF_WINDOW = 4.5  # length, of the map
AREA = math.pi * RADIUS**2  # of the disc: total flux over ball mean, at p = 1 a flux of unit vectors


def estimates(score: Score, x: Tensor, name: str, training: int, repeats: int) -> Tensor:
    """(repeats, POINTS) total fluxes for p = 1 by one of `ESTIMATORS`."""
    method = METHODS[ESTIMATORS[name]]
    values = [
        method.call(score, x, [1.0], RADIUS, DIRECTIONS, generator_for("paper", name, training, repeat)).value[:, 0]
        for repeat in range(repeats)
    ]
    return AREA * torch.stack(values).double()


def flux_rows(
    problem: Problem, score: Score, kind: str, training: int, repeats: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of flux.csv, one a point and estimator, and every single flux for the histograms."""
    exact = AREA * problem.exact.ball_mean(problem.points[:POINTS], 1.0, RADIUS)
    x = problem.points[:POINTS] if kind == "exact" else problem.points[:POINTS].float()
    panels = {label: panel for panel, label in PANELS}
    rows, single = [], []
    for name in ESTIMATORS:
        method = METHODS[ESTIMATORS[name]]
        values = estimates(score, x, name, training, repeats)
        calls = DIRECTIONS * (2 * problem.dimension if name == "volume" else 1)
        for point in range(POINTS):
            label, here = problem.labels[point], values[:, point]
            common = {"score": kind, "training": training, "label": label}
            rows.append(
                common
                | {"estimator": name, "number": DIRECTIONS, "calls": calls, "repeats": repeats}
                | {"exact": float(exact[point]), "mean": float(here.mean()), "sd": _spread(here)}
            )
            if label in panels and training == 0:
                more = {
                    "panel": panels[label],
                    "contender": contender(method.estimator, method.directions),
                    "truth": float(exact[point]),
                }
                single += [common | more | {"flux": value} for value in here.tolist()]
    return rows, single


def _spread(values: Tensor) -> float:
    """The standard deviation, 0 where it is rounding."""
    sd = float(values.std())
    return sd if sd > 1e-9 * float(values.abs().max()) else 0.0


def train(problem: Problem, seed: int, quick: bool) -> tuple[Score, dict[str, Any]]:
    """The paper's network, trained on the mixture: its score at the level where it is asked, and a row."""
    plan = problem.network
    assert plan is not None
    network, _ = networks.train(problem.mixture.sample, plan.recipe, seed=seed, **({"num_steps": 100} if quick else {}))
    score: Score = network.score_function(int(plan.level))  # type: ignore[union-attr]
    error = relative_score_error(problem.at_network_level(), score)
    parameters = sum(each.numel() for each in network.parameters())
    return score, {"training": seed, "t": plan.level, "alpha": plan.alpha, "sigma": plan.sigma,
                   "parameters": parameters, "relative_score_error": error}  # fmt: skip


def flux_map(problem: Problem, score: Score | None, number: int) -> Tensor:
    """(number^2, P) mean outward flux of |s|^(p-2) s through the circle around each point of a grid: exact by the
    mixture's quadrature, or of a learned score by one +- frame of 64 directions."""
    axis = torch.linspace(-HALF_WINDOW, HALF_WINDOW, number, dtype=torch.float64)
    x = torch.cartesian_prod(axis, axis)
    if score is None:
        mean = problem.exact.ball_mean(x, EXPONENTS, RADIUS, return_error=True)[0]
    else:
        generator = generator_for("paper", "map")
        mean = sphere_flux(score, x.float(), EXPONENTS, radius=RADIUS, num_directions=64, generator=generator).value
    return mean.double() * RADIUS / problem.dimension


def map_table(problem: Problem, score: Score, number: int) -> list[dict[str, Any]]:
    """Rows of map.csv.gz: exact and learned flux of p = 1, 2, 3 at the network's noise level."""
    axis = torch.linspace(-HALF_WINDOW, HALF_WINDOW, number, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    level = problem.at_network_level()
    exact, learned = flux_map(level, None, number), flux_map(level, score, number)
    names = [f"{kind}_p{p:g}" for kind in ("exact", "learned") for p in EXPONENTS]
    values = torch.cat([grid, exact, learned], 1).tolist()
    return [dict(zip(["x", "y", *names], row, strict=True)) for row in values]


def published(problem: Problem, repeats: int) -> list[dict[str, Any]]:
    """Rows of published.csv: each version's mean and spread at each point, beside the ball mean."""
    rows = published_rows(Truth(problem, 0), RADIUS, range(POINTS), DIRECTIONS, repeats, "")
    kept = ("problem", "label", "version", "p", "num_directions", "repeats", "mean", "sd", "ball_mean")
    return [{name: row[name] for name in kept} for row in rows]


def histograms(problem: Problem, single: list[dict[str, Any]], score: Score, out: Path) -> None:
    """The paper's figure by the code of `plaplace compare`: directions of the score, and histograms of the flux."""
    arrows = pd.DataFrame(map_rows(problem.at_network_level(), score, 101, ""))
    with styled():
        drawing = figures.paper.draw({"flux": pd.DataFrame(single)}, arrows)
    write_figure(out / "histograms.svg", drawing)


def main(out: Path, quick: bool, trainings: int) -> None:
    """Everything, into the folder."""
    repeats, number = (5, 11) if quick else (REPEATS, 91)
    problem = triangle()
    rows, single = flux_rows(problem, problem.exact.score, "exact", 0, repeats)
    scores: list[Callable[[Tensor], Tensor]] = []
    told = []
    for seed in range(trainings):
        score, row = train(problem, seed, quick)
        scores.append(score)
        told.append(row)
        more, every = flux_rows(problem.at_network_level(), score, "learned", seed, repeats)
        rows, single = rows + more, single + every
        print(f"training {seed}: relative squared error of the score {row['relative_score_error']:.3g}", flush=True)
    table = write_table(out / "flux.csv", rows)
    write_table(out / "training.csv", told)
    as_published = write_table(out / "published.csv", published(problem, repeats))
    plane = write_table(out / "map.csv.gz", map_table(problem, scores[0], number))
    histograms(problem, single, scores[0], out)
    with styled():
        drawings = {
            "flux": draw_flux(table),
            "map": draw_map(plane),
            "published": figures.published.draw({"table": as_published}),
        }
    for name, drawing in drawings.items():
        write_figure(out / f"{name}.svg", drawing)


if __name__ == "__main__":
    given = arguments(__doc__.splitlines()[0], trainings=5)
    main(given.out, given.quick, given.trainings)
