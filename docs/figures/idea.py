"""The figures of the page "The idea": `python docs/figures/idea.py [FOLDER]` writes them beside itself.

All are of one mixture in the plane, known exactly: a population, and 3 points that a model has memorized.
"""

import math
import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.patches import Circle

from plaplace import GaussianMixture, estimators
from plaplace.compare.figures.style import GREY, INK, figure, panel_title, styled

GREEN, ORANGE, BLUE = "#009E73", "#E69F00", "#0072B2"
PEAK, WEIGHT = 0.1, 0.006  # width and weight of a memorized peak
MEMORIZED = torch.tensor([[0.6, 1.0], [2.6, -0.5], [-1.0, -1.3]], dtype=torch.float64)
POINTS = {  # name -> point, colour, marker
    "memorized": (MEMORIZED[:1], BLUE, "o"),
    "ordinary": (torch.tensor([[-1.9, 0.8]], dtype=torch.float64), ORANGE, "s"),
    "tight cluster": (torch.tensor([[2.6, 1.9]], dtype=torch.float64), GREEN, "^"),
}


def population():
    means = torch.tensor([[-1.0, 0.2], [1.2, 0.3], [2.6, 1.9]], dtype=torch.float64)
    covariances = torch.tensor(
        [[[0.8, 0.3], [0.3, 0.9]], [[1.0, -0.3], [-0.3, 0.7]], [[0.03, 0.0], [0.0, 0.03]]], dtype=torch.float64
    )
    return GaussianMixture(torch.tensor([0.5, 0.42, 0.08], dtype=torch.float64), means, covariances)


def memorizing():
    """`(1 - 3w) population + w` for each memorized point."""
    peaks = GaussianMixture.kernel_density(MEMORIZED, PEAK)
    return GaussianMixture.mix([(1 - 3 * WEIGHT, population()), (3 * WEIGHT, peaks)])


def inward_flux(q, x, p, sigma, radius):
    """`-sigma^(p-1) E_n [ |s|^(p-2) s.n ]`: the normalised flux, exact; q is noised already."""
    return -(sigma ** (p - 1)) * radius / 2 * q.ball_mean(x, p, radius)


def flux(folder):
    """The landscape with three balls, and the mean cosine on each."""
    sigma = 0.1
    radius = sigma * math.sqrt(2)
    q = memorizing().noised(1.0, sigma)
    drawing, (left, right) = figure(1, 2, width=7.0, height=3.3, width_ratios=[1.6, 1])
    side = np.linspace(-3.2, 4.0, 240), np.linspace(-2.4, 3.0, 180)
    grid = np.stack(np.meshgrid(*side), -1)
    heights = q.log_prob(grid.reshape(-1, 2)).reshape(grid.shape[:2])
    drawn = left.pcolormesh(*side, heights, cmap="Greys", vmin=-6, vmax=0.5, rasterized=True)
    left.contour(*side, heights, levels=np.arange(-6, 0.5, 0.5), colors="white", linewidths=0.5, linestyles="solid")
    drawing.colorbar(drawn, ax=left, label="log-density", shrink=0.85, extend="both")
    for name, (x, color, _) in POINTS.items():
        centre = x[0].numpy()
        left.add_patch(Circle(centre, 3 * radius, fill=False, color=color, linewidth=1.8))
        angle = 2 * math.pi * torch.arange(8, dtype=torch.float64) / 8
        n = torch.stack([angle.cos(), angle.sin()], 1)
        s = q.score(x + radius * n)
        s = s / s.norm(dim=1, keepdim=True)
        start = x + 3 * radius * n
        left.quiver(*start.T.numpy(), *s.T.numpy(), color=color, scale=16, width=0.008, zorder=3)
        left.annotate(name, (centre[0], centre[1] + 0.62), color=color, ha="center", va="bottom", fontweight="bold")
    left.set(xlabel="$x_1$ (length)", ylabel="$x_2$ (length)", aspect="equal")
    left.grid(False)
    panel_title(left, "Arrows: direction of the score on a small sphere")
    for row, (x, color, marker) in enumerate(POINTS.values()):
        exact = inward_flux(q, x, 1.0, sigma, radius).item()
        e = estimators.sphere_flux(q.score, x, 1.0, radius=radius, num_directions=16, directions="antithetic",
                                   generator=torch.Generator().manual_seed(row))  # fmt: skip
        low, high = e.interval(0.95)
        mean, error = (-radius / 2 * e.value).item(), (radius / 2 * (high - low) / 2).item()
        right.errorbar(row, mean, error, color=color, marker=marker, markersize=6, capsize=4)
        right.plot([row - 0.3, row + 0.3], [exact, exact], color=INK, linewidth=1.2)
    right.set(xlim=(-0.6, 2.6), ylim=(-0.35, 1.15), ylabel="mean cosine, inwards (p = 1)")
    right.set_xticks(range(3), [name.replace(" ", "\n") for name in POINTS], fontsize=7.5)
    panel_title(right, "Line: exact; mark: 16 calls")
    save(drawing, folder, "flux")


def exponents(folder):
    """Along a line through the three peaks: log-density, and the ball mean for p = 1, 2, 3."""
    drawing, axes = figure(1, 2, width=7.0, height=2.9)
    radius = 0.05
    q = memorizing()
    start, end = POINTS["ordinary"][0], MEMORIZED[:1]
    along = torch.linspace(-0.6, 1.7, 461, dtype=torch.float64)
    x = start + along[:, None] * (end - start)
    length = (along * (end - start).norm()).numpy()
    places = {"ordinary": 0.0, "memorized": float((end - start).norm())}
    axes[0].plot(length, q.log_prob(x), color=INK)
    axes[0].set(xlabel="position on the line (length)", ylabel="log-density")
    panel_title(axes[0], "A line through two of the points")
    for p, color, dash in ((1.0, INK, "-"), (2.0, "#D55E00", "--"), (3.0, "#CC79A7", ":")):
        value = -q.ball_mean(x, p, radius)
        axes[1].plot(length, value / value.abs().max(), color=color, linestyle=dash, label=f"p = {p:g}")
    axes[1].set(xlabel="position on the line (length)", ylabel="inward ball mean, over its largest", xlim=(1.9, 3.1))
    axes[1].legend(loc="upper left")
    panel_title(axes[1], f"Exact, R = {radius:g}")
    for name, place in places.items():
        for axis in axes:
            axis.axvline(place, color=POINTS[name][1], linewidth=0.9)
        axes[0].annotate(name, (place, axes[0].get_ylim()[0]), color=POINTS[name][1], rotation=90, fontsize=8,
                         ha="right", va="bottom", xytext=(-1, 3), textcoords="offset points")  # fmt: skip
    save(drawing, folder, "exponents")


def noise_levels(folder):
    """The normalised flux at R = sigma sqrt(D) over the noise level."""
    drawing, axes = figure(1, 2, width=7.0, height=3.0, sharey=True)
    q = memorizing()
    sigmas = np.geomspace(0.01, 10, 61)
    for axis, p in zip(axes, (1.0, 2.0), strict=True):
        for name, (x, color, marker) in POINTS.items():
            values = [inward_flux(q.noised(1.0, s), x, p, s, s * math.sqrt(2)).item() for s in sigmas]
            scale = math.sqrt(2) ** (p - 1)
            axis.semilogx(sigmas, np.array(values) / scale, color=color, marker=marker, markevery=6, label=name)
        axis.axvline(PEAK, color=GREY, linewidth=0.9, linestyle=":")
        axis.set(xlabel=r"noise level $\sigma$ (length)")
        panel_title(axis, f"p = {p:g}, exact")
    axes[0].set(ylabel="normalised flux, inwards")
    place = {"xycoords": ("data", "axes fraction"), "xytext": (2, 4), "textcoords": "offset points"}
    axes[0].annotate("width of a peak", (PEAK, 0), rotation=90, fontsize=8, color=GREY, **place)
    axes[1].legend(loc="upper left")
    save(drawing, folder, "noise-levels")


def save(drawing, folder, name):
    drawing.savefig(folder / f"{name}.svg", metadata={"Date": None})


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with styled():
        for draw in (flux, exponents, noise_levels):
            draw(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
