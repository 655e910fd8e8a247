"""The highest-ranked images of a world beside their nearest training images, small enough for a table."""

from __future__ import annotations

import base64
import io
from typing import Any

import torch
from torch import Tensor

from plaplace.memorization.worlds import Bed

__all__ = ["gallery_rows", "to_png"]

SHOWN = 10


def gallery_rows(bed: Bed, scores: Tensor, statistic: str, run_id: str) -> list[dict[str, Any]]:
    """Rows of gallery.csv: rank, score, group, distance to the nearest training point, and both as PNG.

    None for a world whose points are no images.
    """
    pictures = decoded(bed, bed.images[:1])
    if pictures is None:
        return []
    order = torch.argsort(scores.nan_to_num(-torch.inf), descending=True, stable=True)[:SHOWN]
    distance = torch.cdist(bed.images[order].flatten(1).double(), bed.training.flatten(1).double())
    nearest = distance.argmin(1)
    shown, beside = decoded(bed, bed.images[order]), decoded(bed, bed.training[nearest])
    assert shown is not None and beside is not None
    return [
        {
            "world": bed.world,
            "seed": bed.seed,
            "step": bed.step,
            "statistic": statistic,
            "rank": rank + 1,
            "score": float(scores[order[rank]]),
            "group": bed.groups[int(order[rank])],
            "distance": float(distance[rank, nearest[rank]]) / bed.images[0].numel() ** 0.5,
            "image": to_png(shown[rank]),
            "nearest": to_png(beside[rank]),
            "run_id": run_id,
        }
        for rank in range(len(order))
    ]


def decoded(bed: Bed, points: Tensor) -> Tensor | None:
    """Images (N, C, H, W) in [0, 1], or None."""
    if points.ndim != 4 or not hasattr(bed.model, "decode"):
        return None
    with torch.no_grad():
        images: Tensor = bed.model.decode(points)
    return images


def to_png(image: Tensor) -> str:
    """An image (C, H, W) in [0, 1] as a base64 PNG."""
    from PIL import Image

    pixels = (image.detach().cpu().float().clamp(0, 1) * 255).round().to(torch.uint8)
    array = pixels[0].numpy() if len(pixels) == 1 else pixels[:3].permute(1, 2, 0).contiguous().numpy()
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()
