"""Fluxes through spheres by a rule of our own: what an estimator that makes a mistake would give."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from plaplace.directions import draw
from plaplace.operators import unit_normal
from plaplace.verify.estimator.scenes import Scene

__all__ = ["Sphere"]

_DIRECTIONS = 4096


class Sphere:
    """Scores on spheres around a scene's points, along frames of directions of their own."""

    def __init__(self, scene: Scene, radius: float) -> None:
        generator = torch.Generator().manual_seed(1)
        n = draw(
            "frame", 2 * math.ceil(_DIRECTIONS / 2 / scene.dimension) * scene.dimension, scene.dimension, generator
        )
        vectors = n.vectors.double()
        around = (scene.points[:, None] + radius * vectors).flatten(0, 1)
        norm, normal = unit_normal(scene.mixture.score(around))
        cosine = (normal * vectors.repeat(len(scene.points), 1)).sum(1)
        self.factor = scene.dimension / radius
        self.norm, self.cosine = (each.reshape(len(scene.points), -1) for each in (norm, cosine))
        self.centre = scene.parts()[0]

    def means(self, p: Sequence[float]) -> Tensor:
        """(D/R) E |s|^(p-1) cos, (B, P); p may be any number."""
        return self.factor * torch.stack([(self.norm ** (q - 1) * self.cosine).mean(1) for q in p], 1)

    def centred_means(self, p: Sequence[float]) -> Tensor:
        """(D/R) |s(c)|^(p-2) E s.n, (B, P)."""
        flux = (self.norm * self.cosine).mean(1)
        return self.factor * torch.stack([self.centre ** (q - 2) * flux for q in p], 1)

    def size(self, p: Sequence[float]) -> Tensor:
        """(D/R) E |s|^(p-1) |cos|, (B, P): what errors of a ball mean are relative to."""
        return self.factor * torch.stack([(self.norm ** (q - 1) * self.cosine.abs()).mean(1) for q in p], 1)
