"""The one pass: draw directions, ask the network once a probe, keep what the statistics need, drop the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypedDict, Unpack

import torch
from torch import Tensor

from plaplace import noise
from plaplace.memorization.draws import Draws, Rounds
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
_NUMBERS = {"cpu": 2**16}  # in one call of the network; larger ones leave a CPU's cache
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
    seeds: Sequence[int] | None


def probe(
    model: ScoreModel,
    x: Tensor,
    level: Level | float,
    num_directions: int = 16,
    generator: torch.Generator | None = None,
    condition: Any = None,
    **options: Unpack[Options],
) -> Probes:
    """Probe images: `eps_hat = -sigma s` at `alpha x_0 + R n_i`, the same directions for every image, or its own.

    The numbers of an image depend on the model, the image, the seed and the settings, not on which other images are
    there or how they are batched (up to the network's own rounding in batches of another size).

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
        batch_size: most points in one call of the model; None: 2^16 numbers on a CPU, 2^22 elsewhere.
        seeds: one an image, 0 <= seed < 2^63, of which torch uses the lower 32 bits; in place of a generator. All
            that is drawn for an image is then of its own seed, and errors of different images are independent.

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
    seeds: Sequence[int] | None = None,
) -> list[Probes]:
    """`probe` at several levels with the same directions, m evaluations an image at each. All else as there."""
    flat, dimension = _checked(model, x), math.prod(model.shape)
    _check_numbers(radius, tolerance, batch_size)
    wanted = plan(statistics, condition is not None, training is not None, tolerance is not None)
    draws = _draws(generator, seeds, len(flat))
    rounds = Rounds(directions, num_directions, dimension, 0 if tolerance is None else max_directions)
    size = batch_size or max(1, _NUMBERS.get(flat.device.type, _NUMBERS_ELSEWHERE) // dimension)
    given = Given.prepare(model, condition, len(flat))
    known = None if training is None else training.detach().reshape(len(training), math.prod(training.shape[1:]))

    def at(level: Level, rows: Tensor) -> Probes:
        r = radius if radius is not None else noise.probe_radius(level.sigma, dimension)
        condition, mine = None if given is None else given.part(rows), draws.part(rows)
        first, own = rounds.drawn(mine, 0), flat[rows.to(flat.device)]
        return _visited(Visit(model, level, own, first, r, condition, known, mine, size), rounds, wanted, tolerance)

    chosen = [model.levels.check(each) for each in levels]
    groups = torch.arange(len(flat)).split(max(1, size // max(1, num_directions)))
    # level by level within a group: what is drawn for it is drawn once
    found = [[at(level, rows) for level in chosen] for rows in groups]
    return [Probes.joined(list(parts)) for parts in zip(*found, strict=True)]


def _draws(generator: torch.Generator | None, seeds: Sequence[int] | None, number: int) -> Draws:
    """From the seeds, or from one number of the generator."""
    if seeds is None:
        device = generator.device if generator else "cpu"
        return Draws(number, (int(torch.randint(2**62, (), generator=generator, device=device)),))
    if generator is not None:
        raise ValueError("seeds and a generator were given; accepted is one of them")
    return Draws.own(seeds, number)


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


def _visited(visit: Visit, rounds: Rounds, wanted: Plan, tolerance: float | None) -> Probes:
    """One group of images, with everything that was asked for."""
    parts = {each.name: {name: value.double().cpu() for name, value in each.visit(visit).items()}
             for each in wanted.ingredients}  # fmt: skip
    before = visit.evaluations
    fields = [visit.field if each == MAIN else each for each in wanted.fields]
    spheres = sphere(visit, visit.directions, fields)
    a_round, bad = visit.evaluations - before, visit.nonfinite.cpu()
    used = torch.ones(len(visit.x), dtype=torch.int64)
    structure = replace(visit.directions, vectors=visit.directions.vectors[0, :0])

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
        more = sphere(part, rounds.drawn(part.draws, index), fields)
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
