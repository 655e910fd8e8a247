"""Some images at one level on their way through the network: what ingredients ask it by, counted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from plaplace.directions import Directions
from plaplace.memorization.draws import Draws
from plaplace.memorization.given import Given
from plaplace.models.levels import Level
from plaplace.models.protocol import ScoreModel

__all__ = ["Visit"]

Vectors = Tensor | Callable[[Tensor], Tensor]


@dataclass
class Visit:
    """A group of images that share a level.

    Attributes:
        model, level: whose score.
        x: (b, D) clean points, flattened, in the dtype the model is asked in.
        directions: those of the first round; see `axes` and `distinct`.
        radius: R of the sphere.
        condition: of these images; None without.
        training: (N, D) training points for the oracle; None where nobody gave them.
        draws: of whatever else is drawn; see `normal` and `drawn`.
        batch_size: most points in one call.
        evaluations: network evaluations an image so far.
        nonfinite: (b,) evaluations of each image with an entry that was not finite.
    """

    model: ScoreModel
    level: Level
    x: Tensor
    directions: Directions
    radius: float
    condition: Given | None
    training: Tensor | None
    draws: Draws
    batch_size: int
    evaluations: int = 0
    nonfinite: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.nonfinite = torch.zeros(len(self.x), dtype=torch.int64, device=self.x.device)

    @property
    def field(self) -> str:
        """The main field."""
        return "unconditional" if self.condition is None else "conditional"

    @property
    def centre(self) -> Tensor:
        """(b, D) `alpha x_0`."""
        return self.level.alpha * self.x

    @property
    def dimension(self) -> int:
        """D."""
        return self.x.shape[1]

    @property
    def axes(self) -> Tensor:
        """(b, m, D) float64 directions of the first round, a view where all images have the same."""
        return self.along(self.directions)

    @property
    def distinct(self) -> Tensor:
        """(b, k, D), the axes with one of each +- pair."""
        return self.axes[:, 0::2] if self.directions.paired else self.axes

    def along(self, directions: Directions) -> Tensor:
        """Directions of these images, (b, m, D)."""
        return directions.vectors.to(self.x.device).expand(len(self.x), -1, -1)

    def part(self, rows: Tensor) -> Visit:
        """Some of the images, nothing counted yet."""
        given = None if self.condition is None else self.condition.part(rows)
        vectors = self.directions.vectors
        directions = self.directions if len(vectors) == 1 else replace(self.directions, vectors=vectors[rows])
        return replace(
            self, x=self.x[rows.to(self.x.device)], directions=directions, condition=given,
            draws=self.draws.part(rows), evaluations=0,
        )  # fmt: skip

    def drawn(self, name: str, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
        """(b, ...), what an ingredient draws by a CPU generator: for an image the same in every group, level, batch."""
        return self.draws.drawn(name, draw).to(self.x.device)

    def normal(self, name: str, *shape: int) -> Tensor:
        """(b, *shape) standard normal numbers of an ingredient, float64."""
        return self.drawn(name, lambda generator: torch.randn(shape, generator=generator, dtype=torch.float64))

    @torch.no_grad()
    def epsilon(self, points: Tensor, branch: str | None = None, level: Level | None = None) -> Tensor:
        """`eps_hat = -sigma s` at k points an image, (b, k, D) to (b, k, D) float64.

        Args:
            branch: "conditional", "unconditional" or "gap", their difference, which costs two; None is the main field.
            level: another than the visit's.
        """
        number, k = points.shape[:2]
        flat = points.reshape(number * k, *self.model.shape).to(self.x.dtype)
        owner = torch.arange(number).repeat_interleave(k)
        parts = range(0, len(flat), self.batch_size)
        answers = [
            self._ask(flat[i : i + self.batch_size], owner[i : i + self.batch_size], branch, level) for i in parts
        ]
        self.evaluations += k * _branches(branch)
        if not answers:
            return self._seen(points.double())
        eps = (torch.cat(answers) if len(answers) > 1 else answers[0]).double().reshape(number, k, -1)
        return self._seen(eps)

    def products(
        self, points: Tensor, vectors: Vectors, branch: str | None = None, level: Level | None = None
    ) -> tuple[Tensor, Tensor]:
        """`eps_hat` (b, D) and `J'v` for k vectors an image (b, k, D), J the Jacobian of eps_hat = -sigma H.

        Reverse mode, which every network has, on one forward pass: 1 + 2 k evaluations, twice that for the gap.

        Args:
            points: (b, D) in the noised space.
            vectors: (b, k, D), or a function that makes them of eps_hat (b, D).
            branch, level: as for `epsilon`.
        """
        parts = range(0, len(points), self.batch_size)
        found = [self._pulled(points, vectors, slice(i, i + self.batch_size), branch, level) for i in parts]
        if not found:
            empty = points.double()
            k = (vectors(empty) if callable(vectors) else vectors).shape[-2]
            found = [(empty, empty.new_zeros(0, k, self.dimension))]
        eps, pulled = (torch.cat(each) for each in zip(*found, strict=True))
        self.evaluations += (1 + 2 * pulled.shape[1]) * _branches(branch)
        eps, pulled = self._seen(eps[:, None]), self._seen(pulled)
        # a constant that is not finite has a derivative all the same
        return eps[:, 0], pulled.masked_fill(eps.isnan().any(2, keepdim=True), math.nan)

    def _seen(self, values: Tensor) -> Tensor:
        """(b, k, D), all NaN where an entry is not finite, and counted: an overflow must not rank as anything."""
        bad = ~values.sum(-1).isfinite()
        self.nonfinite += bad.sum(1)
        return values.masked_fill(bad[..., None], math.nan) if bool(bad.any()) else values

    def _pulled(
        self, points: Tensor, vectors: Vectors, rows: slice, branch: str | None, level: Level | None
    ) -> tuple[Tensor, Tensor]:
        own = points[rows].to(self.x.dtype).reshape(-1, *self.model.shape)
        owner = torch.arange(len(points))[rows]
        with torch.enable_grad():
            there = own.detach().clone().requires_grad_(True)
            eps = self._ask(there, owner, branch, level)
            if not eps.requires_grad:
                raise ValueError(
                    "the model's score has no graph: it detaches x or runs under torch.no_grad; this statistic needs "
                    "products with its Jacobian"
                )
            wanted = vectors(eps.detach().double().flatten(1)) if callable(vectors) else vectors[rows]
            tangents = wanted.to(own)
            pulled = [
                torch.autograd.grad(eps, there, tangents[:, j].reshape(eps.shape), retain_graph=True)[0]
                for j in range(tangents.shape[1])
            ]
        wide = torch.stack([each.detach().double().flatten(1) for each in pulled], 1)
        return eps.detach().double().flatten(1), wide

    def _ask(self, x: Tensor, owner: Tensor, branch: str | None, level: Level | None) -> Tensor:
        if branch == "gap":
            return self._ask(x, owner, "conditional", level) - self._ask(x, owner, "unconditional", level)
        at = level or self.level
        return -at.sigma * self.model.score(x, at, self._condition(owner, branch))

    def _condition(self, owner: Tensor, branch: str | None) -> Any:
        if (branch or self.field) == "unconditional":
            return None
        if self.condition is None:
            raise ValueError("the conditional field was asked for without a condition; give probe(condition=)")
        return self.condition.of(owner)


def _branches(name: str | None) -> int:
    return 2 if name == "gap" else 1
