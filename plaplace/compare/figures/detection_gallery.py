"""The highest-ranked images, and below each its nearest training image."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from plaplace.compare.figures.style import BLUE, GREY, VERMILION

__all__ = ["draw", "pixels"]

_MARKS = {True: ("✓", BLUE), False: ("✗", VERMILION), None: ("", GREY)}
_SIDE = 2048  # pixels; of a table that was not made by us


def pixels(text: str) -> NDArray[np.uint8]:
    """A base64 PNG as (H, W, 3).

    Raises:
        ValueError: it is larger than 2048 x 2048.
    """
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(text)), formats=["PNG"]) as image:
        if max(image.size) > _SIDE:
            raise ValueError(f"image of {image.size} pixels was given; accepted is at most {_SIDE} x {_SIDE}")
        return np.asarray(image.convert("RGB"))


def draw(summary: dict[str, Any]) -> Figure:
    """Two rows of pictures a world."""
    worlds = summary["worlds"]
    drawing = Figure(figsize=(7.8, 2.05 * len(worlds)), layout="constrained")
    columns = max(len(each["items"]) for each in worlds)
    bands = drawing.subfigures(len(worlds), 1, squeeze=False)[:, 0]
    for band, each in zip(bands, worlds, strict=True):
        band.suptitle(each["title"], x=0.01, ha="left", fontsize=9.5)
        axes = band.subplots(2, columns, squeeze=False)
        for axis in axes.flat:
            axis.set_axis_off()
        for column, item in enumerate(each["items"]):
            mark, color = _MARKS[item["right"]]
            for axis, name in zip(axes[:, column], ("image", "nearest"), strict=True):
                axis.imshow(pixels(item[name]), interpolation="nearest")
            axes[0, column].set_title(f"{item['group']} {mark}".strip(), fontsize=7.5, color=color, pad=2)
            axes[1, column].set_title(
                f"{item['distance'] if item['distance'] > 1e-6 else 0:.2g}", fontsize=7, color=GREY, pad=2
            )
    return drawing
