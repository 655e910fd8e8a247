"""Random numbers of images: all from one seed, the same for every image, or from a seed of each."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from plaplace.directions import Directions, draw

__all__ = ["Draws", "Rounds"]


@dataclass(frozen=True)
class Draws:
    """Where the numbers of some images come from.

    An image's numbers are those of its seed: equal seeds, equal numbers, whatever the other images are. Torch's CPU
    generator takes the lower 32 bits of a seed, so that of a million random seeds a hundred pairs draw the same.

    Attributes:
        number: b images.
        seeds: one for all of them, or b.
    """

    number: int
    seeds: tuple[int, ...]

    @staticmethod
    def own(seeds: Sequence[int], number: int) -> Draws:
        """From a seed an image.

        Raises:
            ValueError: not one an image, or one outside 0 .. 2^63 - 1.
            TypeError: one that is no whole number.
        """
        if len(seeds) != number:
            raise ValueError(f"{len(seeds)} seeds were given for {number} images; accepted is one an image")
        whole = tuple(operator.index(each) for each in seeds)
        wrong = [each for each in whole if not 0 <= each < 2**63]
        if wrong:
            raise ValueError(f"the seed {wrong[0]} was given; accepted are 0 <= seed < 2**63")
        return Draws(number, whole or (0,))

    def part(self, rows: Tensor) -> Draws:
        """Those of the images with these numbers."""
        if len(self.seeds) == 1:
            return Draws(len(rows), self.seeds)
        return Draws(len(rows), tuple(self.seeds[i] for i in rows.tolist()) or (0,))

    def drawn(self, name: str, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
        """(b, ...): what `draw` makes of a generator, of which each name has one; a view where all images share it."""
        number = int.from_bytes(name.encode()[:6].ljust(6, b"\0"), "big")
        generator = torch.Generator()
        found = [draw(generator.manual_seed((seed ^ number) % 2**63)) for seed in self.seeds]
        return torch.stack(found).expand(self.number, *found[0].shape)


@dataclass
class Rounds:
    """Directions of every round there may be, as many rounds as `most` directions hold, one at least.

    Each round has seeds of its own. The first is kept for those who ask again with the same seeds; the others, which
    only a tolerance asks for, are drawn again for every group of images.
    """

    kind: str
    number: int
    dimension: int
    most: int
    _first: tuple[tuple[int, ...], Directions] | None = field(default=None, init=False, repr=False)

    def __len__(self) -> int:
        return max(1, self.most // self.number)

    def drawn(self, draws: Draws, index: int) -> Directions:
        """Of one round, vectors (b, m, D), or (1, m, D) where the images share a seed."""
        if index:
            return self._drawn(draws.seeds, index)
        if self._first is None or self._first[0] != draws.seeds:
            self._first = draws.seeds, self._drawn(draws.seeds, 0)
        return self._first[1]

    def _drawn(self, seeds: Sequence[int], index: int) -> Directions:
        return draw(self.kind, self.number, self.dimension, [seed + index for seed in seeds])
