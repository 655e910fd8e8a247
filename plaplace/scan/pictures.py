"""The highest-ranked images as pictures, each beside the model's one-step reconstruction of it.

    x0_hat = (y + sigma^2 s(y)) / alpha,      y = alpha x_0 + sigma eps

with noise of the image's own. A model that knows the image by heart gives it back from noise that hides it.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from plaplace.compare.detecting.gallery import to_png
from plaplace.models import ScoreModel
from plaplace.scan.batches import read_batch
from plaplace.scan.index import Index
from plaplace.scan.item import Source
from plaplace.scan.randomness import image_seed
from plaplace.scan.settings import Settings, level_near

__all__ = ["Seen", "pictures"]

LARGEST = 192  # pixels a side
RATIO = 1.0  # sigma / alpha of the reconstruction: as much noise as the data's own unit
Seen = tuple[str, str, str]  # image and reconstruction as base64 PNG, caption


@torch.no_grad()
def pictures(
    model: ScoreModel, settings: Settings, source: Source, index: Index, rows: Iterable[int], device: str
) -> list[Seen]:
    """Of the images with these row numbers; "" for what there is none of."""
    level, found = level_near(model, RATIO), []
    for row in rows:
        (entry,) = index.entries(row, row + 1)
        read = read_batch(source, [entry], model, settings.condition)
        if not read.rows:
            found.append(("", "", read.captions[0]))
            continue
        x = read.points.to(device)
        generator = torch.Generator().manual_seed(image_seed(entry.key, settings.seed, "reconstruction"))
        noise = torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x)
        y = level.alpha * x + level.sigma * noise
        clean = (y + level.sigma**2 * model.score(y, level, read.conditions)) / level.alpha
        found.append((_png(model, x), _png(model, clean), read.captions[0]))
    return found


def _png(model: ScoreModel, x: Tensor) -> str:
    """One point as a base64 PNG; "" where the model cannot make an image of it."""
    if not hasattr(model, "decode") or not bool(x.isfinite().all()):
        return ""
    image = model.decode(x)
    shrink = LARGEST / max(image.shape[2:])
    if shrink < 1:
        size = [max(1, round(shrink * length)) for length in image.shape[2:]]
        image = torch.nn.functional.interpolate(image, size, mode="area")
    return to_png(image[0])
