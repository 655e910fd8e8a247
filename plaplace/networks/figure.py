"""The loss of a training as a picture: by step, and by noise level."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from plaplace.networks.evaluation import History

__all__ = ["loss_figure", "smoothed"]


def smoothed(values: list[float], window: int) -> np.ndarray:
    """Means of `window` consecutive values, shape (N - window + 1,).

    >>> smoothed([1.0, 3.0, 5.0], 2).tolist()
    [2.0, 4.0]
    """
    return np.convolve(np.asarray(values), np.full(window, 1 / window), mode="valid")


def loss_figure(history: History, path: str | Path, title: str = "") -> Path:
    """Draw training loss against step (raw and smoothed) and validation loss against noise level; returns the file."""
    # the object interface: pyplot would keep global state and look for a display
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    by_step, by_level = figure.subplots(1, 2)
    steps = np.arange(1, len(history.losses) + 1)
    by_step.plot(steps, history.losses, color="0.75", linewidth=0.6, label="each step")
    window = max(1, min(100, len(steps) // 10))
    mean = smoothed(history.losses, window)
    by_step.plot(steps[window - 1 :], mean, color="C0", linewidth=1.6, label=f"mean of the last {window}")
    by_step.set(xlabel="step", ylabel="training loss (dimensionless)", yscale="log")
    by_step.legend()
    by_level.plot(history.sigmas, history.validation, "o-", color="C1", markersize=4)
    by_level.set(xlabel="noise level sigma / alpha (units of the data)", ylabel="validation loss (dimensionless)")
    by_level.set(xscale="log", yscale="log", title=f"averaged weights, {history.validated_on}")
    for axes in (by_step, by_level):
        axes.grid(True, which="both", linewidth=0.3, alpha=0.5)
        # 0.6 rather than 6 x 10^-1; between the decades where there are few of them
        axes.yaxis.set_major_formatter("{x:.3g}")
        low, high = axes.get_ylim()
        shown = "2346" if high < 50 * low else "3" if high < 1000 * low else ""
        axes.yaxis.set_minor_formatter(
            lambda value, _, shown=shown: f"{value:.2g}" if f"{value:.0e}"[0] in shown else ""
        )
    figure.suptitle(title, fontsize="medium")
    figure.savefig(path, dpi=120)
    return Path(path)
