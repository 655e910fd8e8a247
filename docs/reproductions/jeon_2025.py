"""The two-dimensional toy of Jeon, Kim, No (2025), arXiv 2412.04140: how sharp is the memorized mode along the path?

    python docs/reproductions/jeon_2025.py --out results/reproductions/jeon

Two modes, one of them extremely narrow and rare, and DDIM paths of 500 steps from noise: on the exact score, where
every Hessian is known, and on that of a small network trained on 3,000 points. Tables: path.csv (Hessian along the
paths), auc.csv (which quantity tells where a path will end), identities.csv (the paper's two lemmas), gap.csv (the two
modes as conditions), copies.csv (what the network generates).

Source: Jeon, Kim, No, "Understanding and mitigating memorization in generative models via sharpness of probability
landscapes" (2025), arXiv 2412.04140, section 4 and appendix C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jeon_exact import SHARP, gap_rows, identity_rows, toy
from jeon_figures import draw_auc, draw_gap, draw_path
from output import arguments, write_figure, write_table
from torch import Tensor

from plaplace import networks, noise
from plaplace.compare.figures.style import styled
from plaplace.compare.truth import generator_for
from plaplace.memorization import detection
from plaplace.memorization.worlds.training import copies
from plaplace.mixture import GaussianMixture
from plaplace.operators import p_laplacian
from plaplace.sampling import ddim

SCHEDULE = noise.linear(1000)
STEPS = 500  # of DDIM, the paper's
POINTS = 3000  # of the training set, the paper's
EVERY = 5  # steps between two records of a path

Levels = list[tuple[float, float]]


@dataclass(frozen=True)
class Record:
    """Where the paths were at one step: x (B, 2), the score (B, 2) and its Jacobian (B, 2, 2)."""

    t: int
    x: Tensor
    score: Tensor
    hessian: Tensor


def exact_records(q: GaussianMixture, number: int) -> tuple[list[Record], Tensor]:
    """Paths of the exact score, and where they end."""
    times, levels = _path()
    noised = [q.noised(*level) for level in levels]
    records = []

    def score(x: Tensor, i: int) -> Tensor:
        s: Tensor = noised[i].score(x)
        if i % EVERY == 0 or i == len(times) - 1:
            records.append(Record(times[i], x, s, noised[i].hessian(x)))
        return s

    start = torch.randn(number, 2, generator=generator_for("jeon", "exact"), dtype=torch.float64)
    return records, ddim(score, levels, start)


def learned_records(network: networks.EpsilonNetwork, number: int) -> tuple[list[Record], Tensor]:
    """Paths of the learned score, and where they end; the Jacobian by reverse mode, symmetrised."""
    times, levels = _path()
    records = []

    def score(x: Tensor, i: int) -> Tensor:
        if i % EVERY == 0 or i == len(times) - 1:
            with torch.enable_grad():
                at = x.clone().requires_grad_()
                s = network.score(at, times[i])
                rows = [torch.autograd.grad(s[:, j].sum(), at, retain_graph=True)[0] for j in range(2)]
            jacobian = torch.stack(rows, 1).double()
            records.append(Record(times[i], x.double(), s.detach().double(), (jacobian + jacobian.mT) / 2))
        return network.score(x, times[i])

    start = torch.randn(number, 2, generator=generator_for("jeon", "learned"))
    return records, ddim(score, levels, start)


def _path() -> tuple[list[int], Levels]:
    times = torch.linspace(len(SCHEDULE) - 1, 0, STEPS).round().long().tolist()
    return times, [SCHEDULE.level(t) for t in times]


def quantities(record: Record) -> dict[str, Tensor]:
    """(B,) each; larger is meant to be more like memorized."""
    values = torch.linalg.eigvalsh(record.hessian)
    norm = record.score.norm(dim=1)
    along = torch.einsum("bij,bj->bi", record.hessian, record.score)
    unit = record.score / norm[:, None]
    trace = values.sum(1)
    normal = torch.einsum("bi,bij,bj->b", unit, record.hessian, unit)
    return {
        "sharpest": -values[:, 0],
        "flattest": -values[:, 1],
        "score": norm.square(),
        "product": along.norm(dim=1).square(),
        "laplacian": -trace,
        "p1": -p_laplacian(norm, normal, trace - normal, 1.0),
    }


def path_rows(kind: str, records: list[Record], sharp: Tensor) -> Iterator[dict[str, Any]]:
    """Rows of path.csv: median and 10 to 90% of each quantity at each record, for the two ends."""
    for record in records:
        alpha, sigma = SCHEDULE.level(record.t)
        for name, value in quantities(record).items():
            for end, mine in (("sharp", value[sharp]), ("broad", value[~sharp])):
                low, middle, high = torch.quantile(mine, torch.tensor([0.1, 0.5, 0.9], dtype=mine.dtype)).tolist()
                yield {
                    "score": kind, "t": record.t, "alpha": alpha, "sigma": sigma, "quantity": name, "end": end,
                    "paths": len(mine), "median": middle, "low": low, "high": high,
                }  # fmt: skip


def auc_rows(kind: str, records: list[Record], sharp: Tensor) -> Iterator[dict[str, Any]]:
    """Rows of auc.csv: how well each quantity tells the paths that will end in the sharp mode."""
    for record in records:
        for name, value in quantities(record).items():
            found = detection.evaluate(value, sharp, fprs=(0.01,), num_bootstrap=20).auc
            yield {
                "score": kind, "t": record.t, "quantity": name, "paths": len(sharp), "sharp": int(sharp.sum()),
                "auc": found.value, "low": found.low, "high": found.high,
            }  # fmt: skip


def copy_rows(generated: Tensor, fresh: Tensor, training: Tensor) -> Iterator[dict[str, Any]]:
    """Rows of copies.csv: distances to the training set and copies among them, generated points beside fresh draws."""
    for name, points in (("generated", generated.double()), ("fresh", fresh)):
        at_sharp = ends_sharp(points)
        for end, mine in (("sharp", points[at_sharp]), ("broad", points[~at_sharp])):
            nearest = torch.cdist(mine, training).min(1).values
            yield {
                "points": name, "end": end, "number": len(mine), "nearest": float(nearest.median()),
                "copies": float(copies(mine, training).double().mean()),
            }  # fmt: skip


def ends_sharp(x: Tensor) -> Tensor:
    """(B,) whether a point lies within 0.3 of the sharp mode, thirty of its widths; of the broad mode 1e-8 is there."""
    return (x.double() - torch.tensor(SHARP, dtype=torch.float64)).norm(dim=1) < 0.3


def train(q: GaussianMixture, quick: bool) -> tuple[networks.EpsilonNetwork, Tensor]:
    """The network of the d = 8 membership study on 3,000 points of the toy, and these points."""
    points = q.sample(POINTS, generator_for("jeon", "training"))
    changes = {"num_steps": 200 if quick else 10_000, "decay": "cosine", "ema_decay": 0.999}
    network, _ = networks.train(points.float(), "d8-residual", seed=0, **changes)
    assert isinstance(network, networks.EpsilonNetwork)
    return network, points


def main(out: Path, quick: bool) -> None:
    """Everything, into the folder."""
    number, few, draws = (200, 200, 2000) if quick else (4000, 2000, 20_000)
    q = toy(0.05)
    network, training = train(q, quick)
    paths: list[dict[str, Any]] = []
    areas: list[dict[str, Any]] = []
    found: dict[str, Callable[[], tuple[list[Record], Tensor]]] = {
        "exact": lambda: exact_records(q, number),
        "learned": lambda: learned_records(network, few),
    }
    ends = {}
    for kind, run in found.items():
        records, ends[kind] = run()
        sharp = ends_sharp(ends[kind])
        print(f"{kind}: {int(sharp.sum())} of {len(sharp)} paths end in the sharp mode", flush=True)
        if sharp.any():
            paths += path_rows(kind, records, sharp)
            areas += auc_rows(kind, records, sharp)
    path, auc = write_table(out / "path.csv", paths), write_table(out / "auc.csv", areas)
    write_table(out / "identities.csv", list(identity_rows(q, SCHEDULE, draws)))
    gap = write_table(out / "gap.csv", list(gap_rows(SCHEDULE, draws // 10)))
    fresh = q.sample(few, generator_for("jeon", "fresh"))
    write_table(out / "copies.csv", list(copy_rows(ends["learned"], fresh, training)))
    with styled():
        drawings = {"path": draw_path(path), "auc": draw_auc(auc), "gap": draw_gap(gap)}
    for name, drawing in drawings.items():
        write_figure(out / f"{name}.svg", drawing)


if __name__ == "__main__":
    given = arguments(__doc__.splitlines()[0])
    main(given.out, given.quick)
