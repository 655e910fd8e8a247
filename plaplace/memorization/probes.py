"""What one pass over the network leaves: a few numbers a probe, from which every statistic is made.

With `eps_hat = -sigma s` and probes at `alpha x_0 + R n_i`:

    norm_i     |eps_hat|                          the score's length, 1 for every p
    radial_i   eps_hat . n_i                      > 0: it points outwards, the score points back to the centre
    pair_j     eps_hat(+n_j) . eps_hat(-n_j)      of +- directions
    drift_j    |mean of eps_hat over the pairs 1 .. j|      the even part: where the whole ball is drawn to
    without_u  |mean of eps_hat over all pairs but u's|     the same with a unit left out, for its standard error

At `R = sigma sqrt(D)` a probe is what the network saw in training with the noise `eps = sqrt(D) n`; a network that has
memorized x_0 answers `eps_hat = eps`: norm and radial sqrt(D), pair -D, drift 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from plaplace.directions import Directions, Summary, summarise
from plaplace.models.levels import Level

__all__ = ["MAIN", "Probes", "Sphere"]

MAIN = "main"


@dataclass(frozen=True)
class Sphere:
    """One field on the sphere around each image.

    Attributes:
        norm, radial: (B, m) float64, dimensionless. m is rounds times the directions of a round; NaN where an image
            needed fewer rounds.
        pair: (B, m/2), in the order of the pairs; None for directions without pairs.
        drift: (B, m/2), over the pairs of one round up to each; None for directions without pairs.
        without: (B, K), over the pairs of one round but each of the K units of `jackknife.units`; NaN where nothing is
            left; None for directions without pairs, and for some of those that were drawn together.
    """

    norm: Tensor
    radial: Tensor
    pair: Tensor | None = None
    drift: Tensor | None = None
    without: Tensor | None = None

    @staticmethod
    def together(spheres: Sequence[Sphere], join: Callable[[list[Tensor]], Tensor]) -> Sphere:
        """Spheres made alike, what they hold joined kind by kind."""

        def joined(values: list[Tensor | None]) -> Tensor | None:
            there = [each for each in values if each is not None]
            return join(there) if len(there) == len(values) else None

        return Sphere(
            join([each.norm for each in spheres]),
            join([each.radial for each in spheres]),
            *(joined([getattr(each, name) for each in spheres]) for name in ("pair", "drift", "without")),
        )


@dataclass(frozen=True)
class Probes:
    """Images at one level, probed.

    Attributes:
        level: alpha, sigma and the network's t.
        dimension: D.
        radius: R, a length in the noised space.
        structure: of the directions of one round (their vectors are dropped).
        rounds: (B,) how many rounds each image was given; 1 without a tolerance.
        field: what "main" is: "conditional" or "unconditional".
        spheres: field -> Sphere.
        parts: ingredient -> its tensors (B, ...) by name.
        num_evaluations: (B,) network evaluations each image cost, both branches of a gap counted, a product as 2.
        num_nonfinite: (B,) evaluations with a NaN or infinite entry; what was computed from one is NaN.
    """

    level: Level
    dimension: int
    radius: float
    structure: Directions
    rounds: Tensor
    field: str
    spheres: Mapping[str, Sphere]
    parts: Mapping[str, Mapping[str, Tensor]]
    num_evaluations: Tensor
    num_nonfinite: Tensor

    def __len__(self) -> int:
        """B."""
        return len(self.rounds)

    @property
    def noise(self) -> float:
        """`|eps| = R / sigma` of a probe, sqrt(D) for the default radius."""
        return self.radius / self.level.sigma

    def sphere(self, field: str = MAIN) -> Sphere:
        """The sphere of a field. Raises a KeyError where the field was not probed."""
        name = self.field if field == MAIN else field
        if name not in self.spheres:
            had = ", ".join(map(repr, self.spheres)) or "none"
            raise KeyError(f"the field {name!r} was not probed, {had} was: name the statistic in `probe(statistics=)`")
        return self.spheres[name]

    def part(self, ingredient: str) -> Mapping[str, Tensor]:
        """What an ingredient kept. Raises a KeyError where it was not asked for."""
        if ingredient not in self.parts:
            raise KeyError(f"{ingredient!r} was not probed: name the statistic in `probe(statistics=)`")
        return self.parts[ingredient]

    @property
    def norm(self) -> Tensor:
        """(B, m) `|eps_hat|` of the main field."""
        return self.sphere().norm

    @property
    def radial(self) -> Tensor:
        """(B, m) `eps_hat . n` of the main field."""
        return self.sphere().radial

    @property
    def pair(self) -> Tensor:
        """(B, m/2) `eps_hat(+n) . eps_hat(-n)` of the main field. Raises a ValueError without pairs."""
        pair = self.sphere().pair
        if pair is None:
            raise ValueError("these directions have no pairs; accepted are directions = 'frame' and 'antithetic'")
        return pair

    @property
    def drift(self) -> Tensor:
        """(B,) `|mean eps_hat|` over all pairs of a round, root mean square over rounds. Raises as `pair`."""
        drift = self.sphere().drift
        if drift is None:
            raise ValueError("these directions have no pairs; accepted are directions = 'frame' and 'antithetic'")
        squares = drift[:, sum(self.structure.sizes) - 1 :: sum(self.structure.sizes)].square()
        unused = torch.arange(squares.shape[1]) >= self.rounds[:, None]
        return (squares.masked_fill(unused, 0.0).sum(1) / self.rounds).sqrt()

    def mean(self, values: Tensor) -> Summary:
        """Mean over the directions of values (B, m), with its standard error as `directions.summarise` gives it."""
        mean, error, freedom = values.new_empty(3, len(values))
        covers, sizes = "", self.structure.sizes
        samples = (values[:, 0::2] + values[:, 1::2]) / 2 if self.structure.paired else values
        for rounds in self.rounds.unique().tolist():
            rows = self.rounds == rounds
            mine = samples[rows, : rounds * sum(sizes)]
            found = summarise(mine, sizes * rounds, self.structure.population, self.structure.noun)
            mean[rows], error[rows], freedom[rows] = found.mean, found.standard_error, found.degrees_of_freedom
            covers = covers or found.covers
        return Summary(mean, error, float(freedom.min()) if len(values) else math.inf, covers)

    def rows(self, index: Tensor | slice) -> Probes:
        """The probes of some of the images."""
        spheres = {name: Sphere.together([each], lambda own: own[0][index]) for name, each in self.spheres.items()}
        parts = {name: {key: value[index] for key, value in part.items()} for name, part in self.parts.items()}
        return replace(
            self, rounds=self.rounds[index], spheres=spheres, parts=parts,
            num_evaluations=self.num_evaluations[index], num_nonfinite=self.num_nonfinite[index],
        )  # fmt: skip

    def first(self, number: int) -> Probes:
        """What the first directions alone would have given, for curves against calls; even for pairs.

        Their structure is kept: whole blocks, and the part of one that they cut. `num_evaluations` loses those of the
        directions left out, both branches of a gap counted. `without` is lost.

        Raises:
            ValueError: more directions than there are, an odd number of pairs, or rounds that differ by image.
        """
        sides, widths = (2 if self.structure.paired else 1), {each.norm.shape[1] for each in self.spheres.values()}
        drawn = sides * sum(self.structure.sizes)
        if number % sides or not 0 < number <= drawn or widths - {drawn}:
            raise ValueError(f"number = {number} was given; accepted are 1 to {drawn} directions, in steps of {sides}")
        if number == drawn:
            return self
        sizes, left = [], number // sides
        for size in self.structure.sizes:
            if left > 0:
                sizes.append(min(size, left))
                left -= size
        spheres = {
            name: Sphere(each.norm[:, :number], each.radial[:, :number],
                         None if each.pair is None else each.pair[:, : number // 2],
                         None if each.drift is None else each.drift[:, : number // 2])
            for name, each in self.spheres.items()
        }  # fmt: skip
        branches = 2 if "gap" in self.spheres else len(self.spheres)
        structure = replace(self.structure, sizes=tuple(sizes))
        evaluations = self.num_evaluations - branches * (drawn - number)
        return replace(self, structure=structure, spheres=spheres, num_evaluations=evaluations)

    @staticmethod
    def joined(parts: list[Probes]) -> Probes:
        """Probes of several groups of images, made alike, as one."""
        first = parts[0]
        alike = [(each.level, each.radius, each.structure.sizes, each.field) for each in parts]
        if any(each != alike[0] for each in alike):
            raise ValueError("the probes were made at other levels, radii or directions; accepted are those made alike")
        spheres = {name: Sphere.together([each.spheres[name] for each in parts], _padded) for name in first.spheres}
        kept = {
            name: {key: torch.cat([each.parts[name][key] for each in parts]) for key in part}
            for name, part in first.parts.items()
        }
        rounds, evaluations, nonfinite = (
            torch.cat([getattr(each, name) for each in parts])
            for name in ("rounds", "num_evaluations", "num_nonfinite")
        )
        return replace(
            first, rounds=rounds, spheres=spheres, parts=kept, num_evaluations=evaluations, num_nonfinite=nonfinite
        )


def _padded(values: list[Tensor]) -> Tensor:
    """One under the other, NaN where an image has fewer columns."""
    width = max(each.shape[1] for each in values)
    if all(each.shape[1] == width for each in values):
        return torch.cat(values)
    return torch.cat([torch.nn.functional.pad(each, (0, width - each.shape[1]), value=math.nan) for each in values])
