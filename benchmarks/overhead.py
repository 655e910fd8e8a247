"""What estimators and the probe pass cost beside the score calls they make: one thread, processor time.

    python benchmarks/overhead.py [--network mlp|unet] [--repeats 9] [--quick] [--out overhead.csv]

A line is a contender on a network. `calls` are the evaluations a point that it counts (a product as 2), `forwards` its
time in units of one score call on the same batch, `bare` its time over that of a bare loop: of the score calls that it
made, with their points kept from a first run, or, where it differentiates, of one score call with a graph and of its
products with ready vectors. Medians over interleaved repeats with their 95% intervals by ranks.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from plaplace import estimators, memorization, models
from plaplace.compare.rivals.networks import NETWORKS
from plaplace.compare.timing import median_interval, one_thread, turns

RADIUS = 0.1
FIVE = [1.0, 1.5, 2.0, 3.0, 4.0]
ANY = 3.0  # an exponent that takes all that five take
PROBED = (("p = 1", "tangent", 1.0), ("p = 3", "tangent", ANY), ("plain, p = 2", "plain", 2.0),
          ("plain, p = 3", "plain", ANY))  # fmt: skip
BATCH = {"mlp": 256, "unet": 8}
FEW = 2  # points of the U-Net for the exact trace, 784 products each
COLUMNS = ("network", "contender", "points", "calls", "forwards", "forwards_low", "forwards_high",
           "bare", "bare_low", "bare_high", "repeats", "target", "reached")  # fmt: skip

Score = Callable[[Tensor], Tensor]
Interval = tuple[float, float, float]


@dataclass(frozen=True)
class Line:
    """A contender: `run(score, x)`; how many products it makes, 0 where it makes score calls alone.

    `target` is the most it may cost, in the column `by`; `points` are those of the batch, None the usual number.
    """

    name: str
    run: Callable[[Score, Tensor], object]
    calls: int
    products: int = 0
    target: float | None = None
    by: str = "forwards"
    points: int | None = None


def lines(network: str, quick: bool) -> list[Line]:
    """The contenders on a network, with the targets of the issue; few of them in the quick form."""
    unet = network == "unet"
    dimension = NETWORKS[network].points(1)[0].numel()
    found = []
    for m in (8,) if quick else (8, 32) if unet else (8, 32, 128):
        most = 1.05 * m if unet else 1.15 * (m + 1)
        found.append(Line(f"sphere_flux frame {m}", partial(_flux, m, "frame", 1.0), m, target=most))
        if not quick:
            found.append(Line(f"sphere_flux iid {m}", partial(_flux, m, "iid", 1.0), m, target=most))
            found.append(
                Line(f"sphere_flux orthonormal {m}", partial(_flux, m, "orthonormal", 1.0), m + 1,
                     target=1.05 * (m + 1) if unet else most)  # one more call, at the centre
            )  # fmt: skip
    probes = 8 if quick else 16
    share = 1.05 if unet else 1.15
    found.append(Line(f"memorization.probe {probes}", partial(_probe, probes), probes, target=share, by="bare"))
    for m in (8,) if quick else (1, 8, 32):
        for name, method, p in PROBED[:1] if quick else PROBED:
            more = method == "tangent" and p == ANY  # the product along the score, which p = 1 and "plain" do not take
            found.append(
                Line(f"hutchinson {m}, {name}", partial(_hutchinson, m, method, p), 1 + 2 * (m + more), m + more,
                     1.1 * m + 1)
            )  # fmt: skip
    if not quick:
        most, points = (1.0 * dimension, FEW) if unet else (55.0, None)
        run = partial(_exact, 1.0)
        found.append(Line("autodiff", run, 1 + 2 * dimension, dimension, most, points=points))
    return found


def five(network: str) -> list[tuple[str, Callable[..., object]]]:
    """Contenders whose cost for five p is compared with that for p = 3: name and `run(p, score, x)`."""
    m = 32
    return [
        (f"sphere_flux frame {m}", partial(_flux, m, "frame")),
        (f"hutchinson {m}", partial(_hutchinson, m, "tangent")),
        *([("autodiff", _exact)] if network == "mlp" else []),
    ]


def _flux(m: int, kind: str, p: object, score: Score, x: Tensor) -> object:
    g = torch.Generator().manual_seed(0)
    return estimators.sphere_flux(score, x, p, radius=RADIUS, num_directions=m, directions=kind, generator=g)


def _hutchinson(m: int, method: str, p: object, score: Score, x: Tensor) -> object:
    g = torch.Generator().manual_seed(0)
    return estimators.hutchinson(score, x, p, num_probes=m, method=method, generator=g)


def _exact(p: object, score: Score, x: Tensor) -> object:
    return estimators.autodiff(score, x, p)


def _probe(m: int, score: Score, x: Tensor) -> object:
    levels = models.SigmaLevels()
    model = models.from_score(lambda points, t: score(points), tuple(x.shape[1:]), levels)
    g = torch.Generator().manual_seed(0)
    return memorization.probe(model, x, levels.at(sigma=0.2), m, g)


def bare(line: Line, score: Score, x: Tensor) -> Callable[[], object]:
    """The score calls, or the products, of a contender and nothing else."""
    if line.products:
        vectors = torch.randn(line.products, *x.shape, generator=torch.Generator().manual_seed(0))
        return partial(_bare_products, score, x, vectors)
    seen: list[Tensor] = []

    def noted(points: Tensor) -> Tensor:
        seen.append(points.detach().clone())
        return score(points)

    line.run(noted, x)
    return partial(_bare_calls, score, seen)


@torch.no_grad()
def _bare_calls(score: Score, points: list[Tensor]) -> None:
    for each in points:
        score(each)


def _bare_products(score: Score, x: Tensor, vectors: Tensor) -> None:
    there = x.clone().requires_grad_()
    value = score(there)
    for vector in vectors:
        torch.autograd.grad(value, there, vector, retain_graph=True)


def measure(network: str, repeats: int, quick: bool) -> list[dict[str, object]]:
    """The table of one network, a dict a line."""
    score = NETWORKS[network].make()
    rows = []
    for line in lines(network, quick):
        x = NETWORKS[network].points(line.points or BATCH[network])
        works = {"line": partial(line.run, score, x), "bare": bare(line, score, x),
                 "forward": partial(_bare_calls, score, [x])}  # fmt: skip
        found = turns(works, repeats, least_ms=20.0)
        forwards = _ratio(found["line"].cpu, found["forward"].cpu)
        loop = _ratio(found["line"].cpu, found["bare"].cpu)
        judged = {"forwards": forwards, "bare": loop}[line.by][0]
        target = "" if line.target is None else f"{line.by} <= {line.target:.4g}"
        reached = "" if line.target is None else judged <= line.target
        rows.append(_row(network, line.name, len(x), line.calls, forwards, loop, repeats, target, reached))
    for name, run in [] if quick else five(network):
        x = NETWORKS[network].points(BATCH[network])
        found = turns({"one": partial(run, ANY, score, x), "five": partial(run, FIVE, score, x)}, repeats, 20.0)
        share = _ratio(found["five"].cpu, found["one"].cpu)
        rows.append(_row(network, f"{name}, five p over one", len(x), "", None, share, repeats, "bare <= 1.02",
                         share[0] <= 1.02))  # fmt: skip
    return rows


def _ratio(above: tuple[float, ...], below: tuple[float, ...]) -> Interval:
    return median_interval([a / b for a, b in zip(above, below, strict=True)])


def _row(
    network: str,
    name: str,
    points: int,
    calls: int | str,
    forwards: Interval | None,
    bare: Interval,
    repeats: int,
    target: str,
    reached: bool | str,
) -> dict[str, object]:
    """A line of the table, printed as it is made."""
    three = ("", "", "") if forwards is None else tuple(round(each, 3) for each in forwards)
    values = (network, name, points, calls, *three, *(round(each, 4) for each in bare), repeats, target, reached)
    cost = "" if forwards is None else f"{forwards[0]:.2f} [{forwards[1]:.2f}, {forwards[2]:.2f}]"
    over = f"{bare[0]:.3f} [{bare[1]:.3f}, {bare[2]:.3f}]"
    print(f"{network:5} {name:36} {calls!s:>5}  {cost:24} {over:24} {target:18} {reached}", flush=True)
    return dict(zip(COLUMNS, values, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=list(BATCH), action="append", help="both without it")
    parser.add_argument("--repeats", type=int, default=9, help="of every line, interleaved with its floors; at least 7")
    parser.add_argument("--quick", action="store_true", help="three or four lines a network")
    parser.add_argument("--out", type=Path, help="a CSV file")
    given = parser.parse_args()
    if given.repeats < 7:
        parser.error(f"repeats = {given.repeats} was given; accepted are 7 or more")
    head = ("contender", "calls", "forwards [95%]", "over the bare loop [95%]", "target")
    print("{:6}{:36} {:>5}  {:24} {:24} {:18} reached".format("", *head))
    with one_thread():
        rows = [row for network in given.network or BATCH for row in measure(network, given.repeats, given.quick)]
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        with given.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
