"""What a model can be conditioned on. A condition becomes keyword arguments of the network, one row or one a point.

    Unconditioned    nothing
    Labels           class labels: a number, a list or a tensor of them
    Embeddings       vectors or token embeddings: a tensor
    Prompts          texts: a string or a list of them; or their embeddings

None means the unconditional branch: the null label, the null embedding, the empty prompt. A model that was trained
without one has none, and asking for it is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = ["Conditions", "Embeddings", "Labels", "Prepared", "Prompts", "Unconditioned"]

_REMEMBERED = 256  # prompts whose embeddings are kept


@dataclass(frozen=True)
class Prepared:
    """A condition as the network takes it.

    Attributes:
        inputs: keyword arguments of the network, tensors with a leading axis of 1 or B.
        count: that 1 or B.
    """

    inputs: dict[str, Tensor]
    count: int

    def rows(self, number: int) -> dict[str, Tensor]:
        """The arguments for that many points.

        Raises:
            ValueError: neither one condition nor one a point.
        """
        if self.count not in (1, number):
            raise ValueError(f"{self.count} conditions were given for {number} points; accepted is one, or one a point")
        return {name: value.expand(number, *value.shape[1:]) for name, value in self.inputs.items()}

    def part(self, rows: slice | Tensor) -> Prepared:
        """The conditions of some of the points; one for all stays one for all."""
        if self.count == 1:
            return self
        inputs = {name: value[rows] for name, value in self.inputs.items()}
        return Prepared(inputs, len(next(iter(inputs.values()))))


class Conditions(Protocol):
    """Turns what a user gives into what the network takes."""

    def prepare(self, condition: Any) -> Prepared:
        """The condition, None for the unconditional branch; what is prepared already comes back as it is."""
        ...


@dataclass(frozen=True)
class Unconditioned:
    """The model takes no condition."""

    def prepare(self, condition: Any) -> Prepared:
        """Nothing for None."""
        if isinstance(condition, Prepared):
            return condition
        if condition is not None:
            raise ValueError(f"condition = {condition!r} was given; the model is unconditional, accepted is None")
        return Prepared({}, 1)


@dataclass(frozen=True)
class Labels:
    """Class labels 0 .. num_classes - 1.

    Attributes:
        num_classes: how many there are.
        null: the label of the unconditional branch; None where the model was trained without one.
        name: of the network's argument.
    """

    num_classes: int
    null: int | None = None
    name: str = "class_labels"

    def prepare(self, condition: Any) -> Prepared:
        """A label or several as a tensor (1,) or (B,)."""
        if isinstance(condition, Prepared):
            return condition
        if condition is None:
            if self.null is None:
                raise ValueError(
                    "condition = None was given; the model was trained without a null class, it has no unconditional "
                    f"branch: accepted are labels from 0 to {self.num_classes - 1}"
                )
            labels = torch.tensor([self.null])
        else:
            labels = _whole_numbers(condition)
            known = (labels >= 0) & (labels < self.num_classes)
            if self.null is not None:
                known |= labels == self.null
            if not bool(known.all()):
                raise ValueError(
                    f"label {int(labels[~known][0])} was given; accepted are labels from 0 to {self.num_classes - 1}"
                )
        return Prepared({self.name: labels}, len(labels))


def _whole_numbers(condition: Any) -> Tensor:
    try:
        labels = torch.as_tensor(condition)
    except (TypeError, ValueError, RuntimeError):  # text, None within a list, a number of more than 64 bits
        labels = torch.empty(0)
    other = labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool
    if other or labels.ndim > 1 or labels.numel() == 0:
        raise ValueError(f"condition = {condition!r} was given; accepted are whole numbers, one or one a point")
    return labels.reshape(-1).long()


@dataclass(frozen=True)
class Embeddings:
    """A tensor of fixed shape a condition.

    Attributes:
        shape: of one.
        null: the embedding of the unconditional branch, of that shape; None where the model has none.
        name: of the network's argument.
    """

    shape: tuple[int, ...]
    null: Tensor | None = None
    name: str = "condition"

    def prepare(self, condition: Any) -> Prepared:
        """One embedding, or a leading axis of them."""
        if isinstance(condition, Prepared):
            return condition
        if condition is None and self.null is None:
            raise ValueError("condition = None was given; the model has no unconditional branch")
        value = self.null if condition is None else condition
        many = ", ".join(map(str, ("B", *self.shape)))
        if not isinstance(value, Tensor) or tuple(self.shape) not in (tuple(value.shape), tuple(value.shape[1:])):
            given = f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
            raise ValueError(f"condition = {given} was given; accepted is a tensor {self.shape} or ({many})")
        value = value.reshape(-1, *self.shape)
        return Prepared({self.name: value}, len(value))


@dataclass(frozen=True)
class Prompts:
    """Texts.

    Attributes:
        embed: texts to keyword arguments of the network, tensors with a leading axis of one a text.
        null: the text of the unconditional branch.
    """

    embed: Callable[[list[str]], dict[str, Tensor]]
    null: str = ""
    _known: dict[str, dict[str, Tensor]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def prepare(self, condition: Any) -> Prepared:
        """Texts through the text encoder, each text once; the last ones are remembered.

        In place of texts, their embeddings: a dict of the network's arguments, as `embed` gives it.
        """
        if isinstance(condition, Prepared):
            return condition
        if isinstance(condition, dict):
            return self._embedded(condition)
        texts = [self.null] if condition is None else [condition] if isinstance(condition, str) else condition
        if not isinstance(texts, Sequence) or not texts or not all(isinstance(text, str) for text in texts):
            raise ValueError(
                f"condition = {condition!r} was given; accepted is a text, a list with one a point, or embeddings"
            )
        each = {text: self._inputs(text) for text in dict.fromkeys(texts)}
        self._known.update(each)
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        names = each[texts[0]]
        return Prepared({name: torch.cat([each[text][name] for text in texts]) for name in names}, len(texts))

    def _embedded(self, inputs: dict[str, Tensor]) -> Prepared:
        own = {name: tuple(value.shape[1:]) for name, value in self._inputs(self.null).items()}
        given = {name: tuple(value.shape[1:]) if isinstance(value, Tensor) else value for name, value in inputs.items()}
        counts = {len(value) for value in inputs.values() if isinstance(value, Tensor)}
        if given != own or len(counts) != 1:
            raise ValueError(f"embeddings {given} were given; accepted are {own}, each with a leading axis of texts")
        return Prepared(dict(inputs), counts.pop())

    @torch.no_grad()
    def _inputs(self, text: str) -> dict[str, Tensor]:
        return self._known[text] if text in self._known else self.embed([text])
