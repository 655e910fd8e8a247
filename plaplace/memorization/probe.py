"""The one pass: draw directions, ask the network once a probe, keep what the statistics need, drop the rest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict, Unpack

import torch
from torch import Tensor

from plaplace import noise
from plaplace.directions import Directions, draw
from plaplace.memorization.given import Given
from plaplace.memorization.plan import Plan, plan
from plaplace.memorization.probes import MAIN, Probes
from plaplace.memorization.sphere import extended, sphere
from plaplace.memorization.statistic import Statistic
from plaplace.memorization.visit import Visit
from plaplace.models.levels import Level
from plaplace.models.protocol import ScoreModel

__all__ = ["LEAST_BLOCKS", "probe", "profile"]

LEAST_BLOCKS = 4  # independent blocks before a tolerance believes their spread
_NUMBERS = {"cpu": 2**18}  # in one call of the network; larger ones leave a CPU's cache
_NUMBERS_ELSEWHERE = 2**22


class Options(TypedDict, total=False):
    """What `probe` takes by name."""

    statistics: Sequence[str | Statistic] | None
    directions: str
    radius: float | None
    training: Tensor | None
    tolerance: float | None
    max_directions: int
    batch_size: int | None


def probe(
    model: ScoreModel,
    x: Tensor,
    level: Level | float,
    num_directions: int = 16,
    generator: torch.Generator | None = None,
    condition: Any = None,
    **options: Unpack[Options],
) -> Probes:
    """Probe images: `eps_hat = -sigma s` at `alpha x_0 + R n_i`, the same directions for every image.

    The numbers of an image depend on the model, the image, the seed of the generator and the settings, not on which
    other images are there or how they are batched (up to the network's own rounding in batches of another size).

    Args:
        model: whose score; its network is asked in the dtype of x.
        x: (B, *shape) clean points x_0 of the model's space, as `model.encode` gives them.
        level: the noise level; a number is the t of one.
        num_directions: m network evaluations an image; even for paired kinds. With a tolerance, of one round.
        generator: one number is taken from it, whatever is drawn; None takes it from torch's default generator.
        condition: one for all images or one each; None for the unconditional field.
        statistics: names in `memorization.statistics`, or Statistic objects: what to be able to compute from the
            probes. None: those that need the sphere of the main field alone.
        directions: a kind of `plaplace.directions`; left out "frame", +- pairs along orthonormal axes.
        radius: R, a length in the noised space; None: `sigma sqrt(D)` of the level, the length of the training noise.
        training: (N, *shape) training points, for the nearest-neighbour oracle alone.
        tolerance: draw rounds of m directions until the standard error of the p = 1 flux (a mean cosine) is at most
            this, or `max_directions` (1,024) are used; at least 4 independent blocks. What statistics need beyond the
            sphere is asked once.
        batch_size: most points in one call of the model; None: 2^18 numbers on a CPU, 2^22 elsewhere.

    Raises:
        ValueError: x of another shape, a number out of range, a level the model does not have, a statistic that needs
            a condition or training data without one.
        KeyError: an unknown statistic.

    >>> from plaplace import memorization, models
    >>> model = models.from_score(lambda x, t: -(x - 1) / t[:, None]**2, (3,), models.SigmaLevels())  # one point
    >>> found = memorization.probe(model, torch.ones(1, 3), level=0.1, num_directions=6)
    >>> round(float(memorization.statistics["flux_1"](found)), 6)
    1.0
    """
    return profile(model, x, [level], num_directions, generator, condition, **options)[0]


def profile(
    model: ScoreModel,
    x: Tensor,
    levels: Sequence[Level | float],
    num_directions: int = 16,
    generator: torch.Generator | None = None,
    condition: Any = None,
    *,
    statistics: Sequence[str | Statistic] | None = None,
    directions: str = "frame",
    radius: float | None = None,
    training: Tensor | None = None,
    tolerance: float | None = None,
    max_directions: int = 1024,
    batch_size: int | None = None,
) -> list[Probes]:
    """`probe` at several levels with the same directions, m evaluations an image at each. All else as there."""
    flat, dimension = _checked(model, x), math.prod(model.shape)
    _check_numbers(radius, tolerance, batch_size)
    wanted = plan(statistics, condition is not None, training is not None, tolerance is not None)
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device if generator else "cpu"))
    drawn = Rounds(directions, num_directions, dimension, seed, 0 if tolerance is None else max_directions)
    size = batch_size or max(1, _NUMBERS.get(flat.device.type, _NUMBERS_ELSEWHERE) // dimension)
    given = Given.prepare(model, condition, len(flat))
    known = None if training is None else training.detach().reshape(len(training), math.prod(training.shape[1:]))
    axes = drawn[0].vectors.to(flat.device)

    def at(level: Level, rows: slice) -> Probes:
        r = radius if radius is not None else noise.probe_radius(level.sigma, dimension)
        mine = None if given is None else given.part(torch.arange(len(flat))[rows])
        return _visited(Visit(model, level, flat[rows], axes, r, mine, known, seed, size), drawn, wanted, tolerance)

    chosen = [model.levels.check(each) for each in levels]
    groups = list(_groups(len(flat), max(1, size // len(axes))))
    return [Probes.joined([at(level, rows) for rows in groups]) for level in chosen]


def _checked(model: ScoreModel, x: Tensor) -> Tensor:
    """The points as (B, D)."""
    if x.ndim < 2 or tuple(x.shape[1:]) != tuple(model.shape) or not x.is_floating_point():
        raise ValueError(
            f"x is {x.dtype} of shape {tuple(x.shape)}; accepted are floating-point points "
            f"(B, {', '.join(map(str, model.shape))})"
        )
    return x.detach().flatten(1)


def _check_numbers(radius: float | None, tolerance: float | None, batch_size: int | None) -> None:
    if radius is not None and not (math.isfinite(radius) and radius > 0):
        raise ValueError(f"radius = {radius} was given; it is finite and > 0")
    if tolerance is not None and not tolerance > 0:
        raise ValueError(f"tolerance = {tolerance} was given; it is > 0")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size = {batch_size} was given; it must be at least 1")


@dataclass(frozen=True)
class Rounds:
    """Directions of every round there may be, as many rounds as `most` directions hold, one at least.

    The first is kept; the others, which only a tolerance asks for, are drawn again for every group of images, each from
    a seed of its own.
    """

    kind: str
    number: int
    dimension: int
    seed: int
    most: int
    _first: Directions = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_first", self._drawn(0))

    def __len__(self) -> int:
        return max(1, self.most // self.number)

    def __getitem__(self, index: int) -> Directions:
        return self._drawn(index) if index else self._first

    def _drawn(self, index: int) -> Directions:
        return draw(self.kind, self.number, self.dimension, torch.Generator().manual_seed(self.seed + index))


def _groups(number: int, size: int) -> Iterator[slice]:
    for start in range(0, max(number, 1), size):
        yield slice(start, min(start + size, number))


def _visited(visit: Visit, rounds: Rounds, wanted: Plan, tolerance: float | None) -> Probes:
    """One group of images, with everything that was asked for."""
    parts = {each.name: {name: value.double().cpu() for name, value in each.visit(visit).items()}
             for each in wanted.ingredients}  # fmt: skip
    before = visit.evaluations
    fields = [visit.field if each == MAIN else each for each in wanted.fields]
    spheres = sphere(visit, rounds[0], fields)
    a_round, bad = visit.evaluations - before, visit.nonfinite.cpu()
    used = torch.ones(len(visit.x), dtype=torch.int64)
    structure = replace(rounds[0], vectors=rounds[0].vectors[:0])

    def so_far() -> Probes:
        return Probes(visit.level, visit.dimension, visit.radius, structure, used, visit.field, spheres, parts,
                      before + a_round * used, bad)  # fmt: skip

    active = torch.arange(len(visit.x))
    for index in range(1, len(rounds)):
        if tolerance is not None:
            active = _unfinished(so_far(), active, tolerance)
        if not len(active):
            break
        part = visit.part(active)
        more = sphere(part, rounds[index], fields)
        spheres = {name: extended(spheres[name], more[name], active) for name in spheres}
        used, bad = used.clone(), bad.clone()
        used[active] += 1
        bad[active] += part.nonfinite.cpu()
    return so_far()


def _unfinished(probes: Probes, active: Tensor, tolerance: float) -> Tensor:
    """Those of the active images whose mean cosine is not yet known well enough."""
    mine = probes.rows(active)
    found = mine.mean(mine.radial / mine.norm)
    blocks = mine.rounds * len(mine.structure.sizes)
    enough = (blocks >= LEAST_BLOCKS) & (found.standard_error <= tolerance)
    return active[~enough & found.mean.isfinite()]
