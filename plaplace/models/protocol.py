"""What a model is to plaplace: a score at its noise levels, in a space of its own, and a way into that space."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from plaplace.models.levels import Level, Levels

__all__ = ["ScoreModel"]


@runtime_checkable
class ScoreModel(Protocol):
    """A diffusion model as everything in plaplace sees it. Anything with these four members will do.

    Attributes:
        shape: of one point in the model's space (pixels or latents), without the batch axis.
        levels: the noise levels it was trained on.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def levels(self) -> Levels: ...

    def score(self, x: Tensor, level: Level | float, condition: Any = None) -> Tensor:
        """Score of the noised data at a level.

        Args:
            x: (B, *shape), at that level: around `alpha x_0`.
            level: one of `levels`; a number is the t of one.
            condition: what the model is conditioned on, one for all rows or one a row; None is the unconditional
                branch.

        Returns:
            Shaped like x and of its dtype, 1/length.

        Raises:
            ValueError: another shape, a level outside `levels`, or a condition the model does not take.
        """
        ...

    def encode(self, images: Any) -> Tensor:
        """Images to clean points x_0 of the model's space, (B, *shape) float32."""
        ...
