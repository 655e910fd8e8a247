"""The README's figure: a density that has memorized three points, and the flux that finds them.

    python docs/figures/readme.py        # writes docs/figures/readme.svg, a few seconds on one core

The model is an exact mixture: 92% a population of two broad components, 8% a narrow component on each of three training
points, all of it noised to sigma = 0.25. The statistic is `flux_2`, the inward flux of the score through a sphere of
radius R = sigma sqrt(D), normalised: `-sigma^2 / D` times the mean of the Laplacian over the ball. It is 1 where
the model gives back one point from all the noise around it and 0 where the density is flat.
"""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib.axes import Axes

from plaplace import GaussianMixture, estimators
from plaplace.compare.figures.style import INK, figure, panel_title, styled, to_svg

SIGMA, DIMENSION, CALLS = 0.25, 2, 8
RADIUS = SIGMA * math.sqrt(DIMENSION)
COPIES = torch.tensor([[-1.9, 1.5], [0.3, -1.7], [2.6, 1.7]], dtype=torch.float64)
BROAD = torch.tensor([[-1.2, -0.2], [1.4, 0.3]], dtype=torch.float64)
POINTS = {"A": COPIES[1], "B": BROAD[0], "C": torch.tensor([0.2, 1.6], dtype=torch.float64)}
WIDTH, HEIGHT = 4.0, 2.9


def model() -> GaussianMixture:
    """The density at the noise level sigma."""
    population = GaussianMixture(torch.full((2,), 0.5).double(), BROAD, torch.tensor([0.8, 0.6]).double())
    learned_by_heart = GaussianMixture.kernel_density(COPIES, bandwidth=0.05)
    return GaussianMixture.mix([(0.92, population), (0.08, learned_by_heart)]).noised(1.0, SIGMA)


def exact(q: GaussianMixture, x: torch.Tensor) -> torch.Tensor:
    """flux_2 of points (B, 2): from the exact mean over the ball."""
    return -(SIGMA**2) / DIMENSION * q.ball_mean(x, p=2.0, radius=RADIUS)


def estimated(q: GaussianMixture, x: torch.Tensor) -> tuple[float, float]:
    """flux_2 of one point and its standard error, from 8 evaluations of the score and nothing else."""
    found = estimators.sphere_flux(
        q.score, x[None], p=2.0, radius=RADIUS, num_directions=CALLS, generator=torch.Generator().manual_seed(0)
    )
    scale = SIGMA**2 / DIMENSION
    return float(-scale * found.value), float(scale * found.standard_error)


def mark(axes: Axes) -> None:
    """The training points that were memorized, the three points asked about and their spheres."""
    axes.plot(*COPIES.T.numpy(), "x", color=INK, markersize=6, markeredgewidth=1.6)
    angle = torch.linspace(0, 2 * math.pi, 100)
    for name, point in POINTS.items():
        x, y = point.tolist()
        axes.plot(x + RADIUS * angle.cos(), y + RADIUS * angle.sin(), color=INK, linewidth=1.2)
        axes.annotate(name, (x + 0.36, y + 0.3), color=INK, fontsize=11, fontweight="bold")
    axes.set_aspect("equal")
    axes.grid(False)
    axes.set_xlim(-WIDTH, WIDTH)
    axes.set_ylim(-HEIGHT, HEIGHT)
    axes.set_xlabel("x (length)")


def main() -> None:
    q = model()
    across, up = torch.linspace(-WIDTH, WIDTH, 241).double(), torch.linspace(-HEIGHT, HEIGHT, 175).double()
    x = torch.cartesian_prod(across, up)
    planes = {
        "log density": q.log_prob(x).clamp(min=-12),
        "flux": exact(q, x),
    }
    with styled():
        drawing, (left, right, bars) = figure(1, 3, width=9.6, height=2.9, width_ratios=[1, 1, 0.62])
        for axes, (name, values) in zip((left, right), planes.items(), strict=True):
            limits = {"vmin": -1, "vmax": 1, "cmap": "PuOr_r"} if name == "flux" else {"cmap": "cividis"}
            mesh = axes.pcolormesh(
                across, up, values.view(len(across), len(up)).T, shading="gouraud", rasterized=True, **limits
            )
            drawing.colorbar(mesh, ax=axes, shrink=0.85, aspect=25)
            mark(axes)
        left.set_ylabel("y (length)")
        panel_title(left, "log density (x: memorized)")
        panel_title(right, "inward flux, exact (1: one point only)")
        for row, (name, point) in enumerate(POINTS.items()):
            truth = float(exact(q, point[None]))
            value, error = estimated(q, point)
            print(f"{name}: exact {truth:.3f}, estimated {value:.3f} +- {error:.3f} from {CALLS} evaluations")
            bars.barh(row, truth, height=0.5, color="#c9ced6")
            bars.errorbar(value, row, xerr=2 * error, fmt="o", color=INK, capsize=3)
            bars.annotate(f"{truth:.2f}", (truth + 0.06, row), va="center", fontsize=8)
        bars.set_yticks(range(len(POINTS)), list(POINTS), fontsize=11, fontweight="bold")
        bars.invert_yaxis()
        bars.set_xlim(0, 1)
        bars.set_xlabel("inward flux")
        bars.grid(axis="y", visible=False)
        bars.set_box_aspect(1.2)
        panel_title(bars, f"bar: exact; dot: {CALLS} calls")
        text = to_svg(drawing, "readme")
    text = text.replace("<svg ", '<svg role="img" ', 1)
    Path(__file__).with_suffix(".svg").write_text('<?xml version="1.0" encoding="utf-8"?>\n' + text)


if __name__ == "__main__":
    main()
