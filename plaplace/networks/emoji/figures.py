"""A build as pictures and tables: losses, reconstructions, and samples beside what they were prompted with.

loss.csv, loss.png        both stages, step by step
reconstructions.png       pictures and what the autoencoder makes of them
samples.png, copies.csv   groups of captions by their times in training; see `copies`
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from plaplace.networks.data import Manifest
from plaplace.networks.emoji.copies import COPY_BELOW, copy_ratio
from plaplace.networks.emoji.pictures import Pictures
from plaplace.networks.emoji.pipeline import load_pipeline, sample
from plaplace.networks.figure import smoothed

__all__ = ["groups", "write_figures"]

_GUIDANCE = 1.0
_STEPS = 50
_SEEDS = (0, 1000)  # two samples a caption
_SHOWN, _JUDGED = 12, 32  # captions of a group in the figure, in the table


def write_figures(
    folder: Path, pictures: Pictures, manifest: Manifest, losses: Mapping[str, list[float]]
) -> list[Path]:
    """Write all of them for a finished build; returns the files."""
    pipeline = load_pipeline(folder)
    chosen = groups(manifest)
    rows, table = [], []
    for name, members in chosen.items():
        captions = [pictures.captions[index] for index in members]
        drawn = [sample(pipeline, captions, _GUIDANCE, _STEPS, seed) for seed in _SEEDS]
        ratios = [copy_ratio(each, pictures.images, members).tolist() for each in drawn]
        for index, caption, *both in zip(members, captions, *ratios, strict=True):
            table.append([index, caption, name, *(f"{ratio:.4f}" for ratio in both)])
        copies = float(np.mean(np.array(ratios) < COPY_BELOW))
        rows.append((f"{name}: picture (copies among samples: {copies:.0%})", pictures.images[members]))
        rows += [(f"{name}: sample {number}", each) for number, each in enumerate(drawn, 1)]
    rows.append(("without a prompt", sample(pipeline, [""] * _SHOWN, _GUIDANCE, _STEPS, _SEEDS[0])))
    some = torch.linspace(0, len(pictures.captions) - 1, 4 * _SHOWN).long().split(_SHOWN)
    pairs = [pair for part in some for pair in _reconstructed(pipeline.vae, pictures.images[part])]
    return [
        _table(folder / "loss.csv", ["stage", "step", "loss"], _steps(losses)),
        _loss_figure(folder / "loss.png", losses),
        _grid(folder / "reconstructions.png", pairs),
        _grid(folder / "samples.png", rows),
        _table(folder / "copies.csv", ["index", "caption", "group", "ratio 1", "ratio 2"], table),
    ]


def groups(manifest: Manifest) -> dict[str, list[int]]:
    """Indices of some pictures by their times in training: {"50 times": [..], "once": [..], "held out": [..]}."""
    found: dict[str, list[int]] = {}
    for times in manifest.repeated():
        name = "once" if times == 1 else f"{times} times"
        found[name] = [i for i, count in zip(manifest.indices, manifest.times, strict=True) if count == times]
    found["held out"] = list(manifest.held_out)
    return {name: members[:_JUDGED] for name, members in found.items() if members}


@torch.no_grad()
def _reconstructed(vae: Any, images: Tensor) -> list[tuple[str, Tensor]]:
    decoded = vae.decode(vae.encode(images).latent_dist.mean).sample
    error = float((decoded - images).abs().mean())
    return [("pictures", images), (f"reconstructed (mean absolute error {error:.3f} of 2)", decoded)]


def _grid(file: Path, rows: Sequence[tuple[str, Tensor]]) -> Path:
    figure = _figure((_SHOWN * 0.75, len(rows) * 0.95))
    for axes, (title, images) in zip(figure.subplots(len(rows), 1, squeeze=False)[:, 0], rows, strict=True):
        shown = images[:_SHOWN].clamp(-1, 1) / 2 + 0.5
        blank = torch.ones(_SHOWN - len(shown), *shown.shape[1:])
        strip = torch.cat([shown, blank]).permute(2, 0, 3, 1).flatten(1, 2)
        axes.imshow(strip.numpy(), interpolation="nearest")
        axes.set_title(title, fontsize=8, loc="left", pad=2)
        axes.set_axis_off()
    figure.savefig(file, dpi=120)
    return file


def _loss_figure(file: Path, losses: Mapping[str, list[float]]) -> Path:
    figure = _figure((5 * len(losses), 4))
    for axes, (name, values) in zip(figure.subplots(1, len(losses), squeeze=False)[0], losses.items(), strict=True):
        steps = np.arange(1, len(values) + 1)
        window = max(1, min(200, len(values) // 10))
        axes.plot(steps, values, color="0.75", linewidth=0.6, label="each step")
        axes.plot(steps[window - 1 :], smoothed(values, window), color="C0", label=f"mean of the last {window}")
        axes.set(xlabel="step", ylabel="training loss (dimensionless)", yscale="log", title=name)
        axes.grid(True, which="both", linewidth=0.3, alpha=0.5)
        axes.legend()
    figure.savefig(file, dpi=120)
    return file


def _figure(size: tuple[float, float]) -> Any:
    # the object interface: pyplot would keep global state and look for a display
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _steps(losses: Mapping[str, list[float]]) -> list[list[object]]:
    return [[name, step, value] for name, values in losses.items() for step, value in enumerate(values, 1)]


def _table(file: Path, header: list[str], rows: Sequence[Sequence[object]]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
    return file
