"""Samples of the model itself, written as a parquet data set and then scanned like any other.

    noise -> x_0 by DDIM along levels equidistant in ln SNR, from the image's own random numbers

The samples are kept as 8-bit PNG, as a reader of them would get them.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from plaplace.compare.detecting.gallery import to_png
from plaplace.models import ImageSpace, Labels, Level, ScoreModel, Unconditioned
from plaplace.sampling import ddim
from plaplace.scan.loading import Loader
from plaplace.scan.randomness import image_seed
from plaplace.scan.work import Shard

__all__ = ["Generating", "sampled"]

STEPS = 50
_LEAST_ALPHA = 0.005  # below, a score says next to nothing of x_0


@dataclass(frozen=True)
class Generating:
    """Draws the images of a shard.

    Attributes:
        loader: of the model.
        seed, batch, device: as in `Settings`.
        conditional: whether to draw for a condition: the labels in turn, or the prompts.
        prompts: captions to draw for, in turn; () for a model without.
    """

    loader: Loader
    seed: int
    batch: int
    device: str
    conditional: bool
    prompts: tuple[str, ...] = ()

    def __call__(self, shard: Shard) -> pa.Table:
        """Columns key, image (bytes of a PNG), caption, label."""
        model = self.loader()
        numbers = list(range(shard.start, shard.stop))
        conditions = [condition_of(model, number, self.conditional, self.prompts) for number in numbers]
        images: list[bytes] = []
        for start in range(0, len(numbers), self.batch):
            part = slice(start, start + self.batch)
            keys = [key_of(number) for number in numbers[part]]
            x = sampled(model, keys, conditions[part] if self.conditional else None, self.seed, self.device)
            images += [base64.b64decode(to_png(image)) for image in model.decode(x)]  # type: ignore[attr-defined]
        return pa.table({
            "key": [key_of(number) for number in numbers],
            "image": pa.array(images, pa.binary()),
            "caption": pa.array([each if isinstance(each, str) else None for each in conditions], pa.string()),
            "label": pa.array([each if isinstance(each, int) else None for each in conditions], pa.int64()),
        })  # fmt: skip


def key_of(number: int) -> str:
    """What a sample is called.

    >>> key_of(12)
    'generated-00000012'
    """
    return f"generated-{number:08d}"


def condition_of(model: ScoreModel, number: int, conditional: bool, prompts: Sequence[str]) -> Any:
    """The label or prompt of the sample with this number; None for the unconditional field."""
    if not conditional:
        return None
    rules = getattr(model, "conditions", None)
    if isinstance(rules, Labels):
        return number % rules.num_classes
    if isinstance(rules, Unconditioned) or rules is None:
        return None
    if not prompts:
        raise ValueError("the model takes prompts; give --prompts FILE with one a line, or --unconditional")
    return prompts[number % len(prompts)]


def sampled(model: ScoreModel, keys: Sequence[str], conditions: list[Any] | None, seed: int, device: str) -> Tensor:
    """Points (b, *shape) of these keys."""
    levels = path(model)
    noise = [
        torch.randn(model.shape, generator=torch.Generator().manual_seed(image_seed(key, seed, "sample")))
        for key in keys
    ]
    space = getattr(model, "space", None)
    given = None if conditions is None or all(each is None for each in conditions) else conditions

    def score(x: Tensor, i: int) -> Tensor:
        s = model.score(x, levels[i], given)
        if not isinstance(space, ImageSpace):
            return s
        alpha, sigma = levels[i].alpha, levels[i].sigma
        clean = ((x + sigma**2 * s) / alpha).clamp(space.low, space.high)  # no pixel is brighter than white
        return (alpha * clean - x) / sigma**2

    return ddim(score, [(each.alpha, each.sigma) for each in levels], levels[0].sigma * torch.stack(noise).to(device))


def path(model: ScoreModel) -> list[Level]:
    """From the most noise to the least."""
    levels = [level for level in model.levels.spread(STEPS) if level.alpha >= _LEAST_ALPHA]
    return sorted(levels, key=lambda level: -level.sigma / level.alpha if level.alpha else -math.inf)


def read_prompts(file: Path | str | None) -> tuple[str, ...]:
    """Lines of a text file that are not empty. Raises a ValueError for one without any."""
    if file is None:
        return ()
    lines = [line.strip() for line in Path(file).read_text(encoding="utf-8-sig").splitlines()]
    found = tuple(line for line in lines if line)
    if not found:
        raise ValueError(f"{file} has no prompts; accepted is a text file with one a line")
    return found
