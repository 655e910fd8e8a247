"""The membership table of arXiv 2610.11670: which points of a d = 8 mixture was a small network trained on?

    python docs/reproductions/membership_2610_11670.py --out results/reproductions/membership

The world "membership" of `plaplace compare` along its training: at every checkpoint the study's flux of a noised copy,
its rivals, and ours, with the share of generated samples that are copies. Tables: detection.csv, copies.csv.

Source: Verma et al., "Early signatures of memorization in diffusion models via basin geometry and cyclic denoising"
(2026), arXiv 2610.11670.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator
from output import arguments, write_figure, write_table

from plaplace.compare.detecting.contenders import PROBINGS
from plaplace.compare.detecting.judging import Judged, detection_row
from plaplace.compare.detecting.passes import detected
from plaplace.compare.detecting.scoring import Scored, scored
from plaplace.compare.figures.style import GREY, INK, figure, panel_title, styled
from plaplace.memorization.worlds import WORLDS, Bed

WORLD = WORLDS["membership"]
TASK = "member / population"

# (way of probing, directions, statistics); the ways "at its own level" ask at t = 20, all others at t = 50
ASKED = (
    ("noised iid at its own level", 64, ("flux_1", "flux_2")),
    ("noised antithetic at its own level", 64, ("flux_1", "flux_2")),
    ("noised iid", 64, ("flux_1", "flux_2")),
    ("noised antithetic", 64, ("flux_1", "flux_2")),
    ("frame", 16, ("sima", "pia", "laplacian", "flux_1", "denoising_loss")),
    ("iid", 16, ("denoising_loss",)),
)
REPORTED = {"auc": 0.909, "tpr_1": 0.490}  # of the study's flux of p = 1 with 64 directions, before there are copies
# what is drawn: (statistic, way of probing) -> title, colour, marker, dash
DRAWN = {
    ("flux_1", "noised iid at its own level"): ("the study's flux, p = 1, 64 calls, t = 20", "#D55E00", "o", "--"),
    ("flux_1", "noised antithetic at its own level"): ("the same in antithetic pairs", "#E69F00", "s", "-."),
    ("sima", "frame"): ("SimA, 1 call", "#009E73", "^", ":"),
    ("denoising_loss", "iid"): ("denoising loss, 16 draws", "#56B4E9", "v", (0, (5, 1, 1, 1))),
    ("profile", "frame"): ("ours, 16 calls", "#0072B2", "D", "-"),
}


def scores_of(bed: Bed) -> list[Scored]:
    """Every contender on one checkpoint."""
    found: list[Scored] = []
    for name, number, statistics in ASKED:
        level = bed.rival_level if name.endswith("own level") else bed.level
        assert level is not None
        found += scored(bed, PROBINGS[name], level, number, statistics)
    return found + detected(bed, bed.level, (16,))


def measure(seeds: Sequence[int], quick: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of detection.csv, over the seeds, and of copies.csv, one a seed and checkpoint."""
    found: dict[int, list[tuple[Bed, list[Scored]]]] = {}
    for seed in seeds:
        for bed in WORLD.build(seed, quick):
            found.setdefault(bed.step, []).append((bed, scores_of(bed)))
            print(f"seed {seed}, step {bed.step}: {100 * (bed.copied or 0):.1f}% of the samples are copies", flush=True)
    rows = []
    for pairs in found.values():
        beds = [bed for bed, _ in pairs]
        for each in zip(*(scores for _, scores in pairs), strict=True):
            row = detection_row(Judged("main", beds, each), TASK, quick, "")
            assert row is not None
            # neither the clock nor what is the same in all rows
            rows.append({k: v for k, v in row.items() if k not in ("milliseconds", "run_id", "view", "world", "task")})
    copies = [
        {"seed": bed.seed, "step": step, "copied": bed.copied} for step, pairs in found.items() for bed, _ in pairs
    ]
    return rows, copies


def draw(rows: pd.DataFrame, copies: pd.DataFrame) -> Figure:
    """AUC, true positive rate and share of copies along the training, on logarithmic scales of what is missing."""
    drawing, (left, middle, right) = figure(1, 3, width=7.0, height=3.6)
    panels = (("auc", "AUC", left), ("tpr_1", "TPR at 1% FPR", middle))
    for measure_, title, panel in panels:
        for (statistic, probing), (label, color, marker, dash) in DRAWN.items():
            mine = rows[(rows["statistic"] == statistic) & (rows["probing"] == probing)].sort_values("step")
            low, high = mine[f"{measure_}_low"].clip(lower=0), mine[f"{measure_}_high"].clip(upper=1)
            value = mine[measure_]
            panel.errorbar(
                mine["step"],
                value,
                yerr=[(value - low).clip(lower=0), (high - value).clip(lower=0)],
                color=color,
                marker=marker,
                linestyle=dash,
                label=label,
                elinewidth=0.8,
                capsize=2,
            )
        panel.axhline(
            REPORTED[measure_], color=INK, linewidth=1.0, linestyle=(0, (1, 2)), label="reported by the study"
        )
        panel_title(panel, title)
        panel.set_ylabel(f"{title} (no unit)")
    left.set_ylim(0.48, 1.01)
    middle.set_ylim(-0.02, 1.02)
    for _, mine in copies.groupby("seed"):
        right.plot(mine["step"], 100 * mine["copied"], color=GREY, marker=".", linewidth=0.8)
    right.set_ylabel("copies among samples (%)")
    panel_title(right, "Copies, a line a seed")
    for panel in (left, middle, right):
        panel.set_xscale("log")
        panel.set_xlabel("training steps (thousands)")
        panel.set_xticks(
            [1000, 2000, 4000, 8000, 16000] if copies["step"].max() > 1000 else sorted(set(copies["step"]))
        )
        panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1000:g}"))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_minor_formatter(NullFormatter())
    handles, labels = left.get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=2)
    return drawing


def main(out: Path, quick: bool, seeds: int) -> None:
    """Everything, into the folder."""
    rows, copies = measure(range(seeds), quick)
    table = write_table(out / "detection.csv", rows)
    copied = write_table(out / "copies.csv", copies)
    with styled():
        drawing = draw(table, copied)
    write_figure(out / "training.svg", drawing)


if __name__ == "__main__":
    given = arguments(__doc__.splitlines()[0], seeds=3)
    main(given.out, given.quick, given.seeds)
