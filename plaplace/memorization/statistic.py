"""What a statistic is: a rule that turns probes into one number an image, and what it needs them to hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from plaplace.memorization.probes import MAIN, Probes
from plaplace.memorization.visit import Visit

__all__ = ["Ingredient", "Statistic"]


@dataclass(frozen=True)
class Ingredient:
    """What a statistic needs besides the sphere: further points, products, the training data.

    Attributes:
        name: key of what it keeps, in `Probes.parts`.
        visit: from some images at one level to tensors (b, ...) by name. The network is asked through the visit, which
            counts; what is not returned is dropped.
        conditional: whether it needs a condition.
        training: whether it needs the training data.
    """

    name: str
    visit: Callable[[Visit], dict[str, Tensor]]
    conditional: bool = False
    training: bool = False


@dataclass(frozen=True)
class Statistic:
    """One number an image, the larger the more memorized.

    Attributes:
        name: key in `memorization.statistics`.
        title: for tables and figures.
        value: probes -> (B,) float64; its docstring has the formula.
        source: who proposed it.
        fields: whose spheres it needs: "main" (the conditional field of images with a condition, else the
            unconditional one), "conditional", "unconditional", "gap"; () for none.
        ingredients: what else.
        samples: probes -> (B, m), where the statistic is their mean; it then has a standard error.
    """

    name: str
    title: str
    value: Callable[[Probes], Tensor]
    source: str
    fields: tuple[str, ...] = (MAIN,)
    ingredients: tuple[Ingredient, ...] = ()
    samples: Callable[[Probes], Tensor] | None = None

    @property
    def conditional(self) -> bool:
        """Whether it needs a condition."""
        return bool({"conditional", "gap"} & set(self.fields)) or any(each.conditional for each in self.ingredients)

    def __call__(self, probes: Probes) -> Tensor:
        """The statistic of each image, (B,) float64; NaN where the network's answer was not finite.

        Raises:
            KeyError: the probes were made without what it needs.
        """
        return self.value(probes)

    def standard_error(self, probes: Probes) -> Tensor:
        """Of the choice of directions, (B,); NaN for a statistic that is no mean over them."""
        if self.samples is None:
            return torch.full((len(probes),), torch.nan, dtype=torch.float64)
        return probes.mean(self.samples(probes)).standard_error
