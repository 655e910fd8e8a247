"""From entries to points: images are read, decoded and encoded; one that cannot be is a reason, not an end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from plaplace.models import ScoreModel
from plaplace.models.images import each_image
from plaplace.scan.item import Entry, Item, Source

__all__ = ["Batch", "condition_of", "read_batch"]

_LONGEST = 300  # characters of a reason


@dataclass(frozen=True)
class Batch:
    """Images that the network sees together.

    Attributes:
        points: (b, *shape), of those that could be read, in their order.
        rows: which of the entries these are.
        conditions: one a point; None for the unconditional field.
        captions: of every entry, for people to read; "" without.
        reasons: of every entry; "" where it could be read.
    """

    points: Tensor
    rows: list[int]
    conditions: list[Any] | None
    captions: list[str]
    reasons: list[str]


def read_batch(source: Source, entries: Sequence[Entry], model: ScoreModel, condition: str) -> Batch:
    """Read and encode.

    Args:
        condition: "none", "caption" or "label".
    """
    items = list(source.read(entries))
    images: list[Tensor] = []
    rows: list[int] = []
    conditions: list[Any] = []
    reasons = [""] * len(entries)
    for row, item in enumerate(items):
        try:
            image, given = _decoded(item), condition_of(item, model, condition)
        except (ValueError, OSError) as error:
            reasons[row] = _sentence(error, item.image)
            continue
        images.append(image)
        conditions.append(given)
        rows.append(row)
    points, kept, refused = _encoded(model, images, rows)
    for row, reason in refused.items():
        reasons[row] = reason
    chosen = [each for row, each in zip(rows, conditions, strict=True) if row in set(kept)]
    shown = [item.caption if item.caption is not None else "" if item.label is None else f"label {item.label}"
             for item in items]  # fmt: skip
    return Batch(points, kept, None if condition == "none" else chosen, shown, reasons)


def condition_of(item: Item, model: ScoreModel, condition: str) -> Any:
    """What the model is conditioned on; None for "none". Raises a ValueError where the item has none or a wrong one."""
    if condition == "none":
        return None
    value = item.caption if condition == "caption" else item.label
    if value is None:
        raise ValueError(f"it has no {condition}")
    rules = getattr(model, "conditions", None)
    if rules is not None:
        rules.prepare(value)
    return value


def _decoded(item: Item) -> Tensor:
    """The image as floats (C, H, W) in [0, 1]."""
    if item.image is None:
        raise ValueError(item.reason or "there is no image")
    found = list(each_image(item.image))
    if len(found) != 1:
        raise ValueError(f"it holds {len(found)} images; accepted is one")
    return found[0]


def _encoded(model: ScoreModel, images: list[Tensor], rows: list[int]) -> tuple[Tensor, list[int], dict[int, str]]:
    """Points, the rows they belong to, and reasons of the others."""
    if not images:
        return torch.empty(0, *model.shape), [], {}
    try:
        return model.encode(images), rows, {}
    except ValueError:  # one of them, such as an image of another size: find out which
        points, kept, refused = [], [], {}
        for image, row in zip(images, rows, strict=True):
            try:
                points.append(model.encode([image]))
                kept.append(row)
            except ValueError as error:
                refused[row] = _sentence(error)
        return torch.cat(points) if points else torch.empty(0, *model.shape), kept, refused


def _sentence(error: Exception, image: object = None) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(image, Path):  # whose name is the row's key already
        text = text.replace(f" {str(image)!r}", "").replace(str(image), "the image file")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
