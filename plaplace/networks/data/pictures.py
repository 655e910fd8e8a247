"""The images of a training as PNG files: what it was trained on, each once, and what was held out.

    FOLDER/training/INDEX.png      with labels.csv beside (file, label) where there are classes
    FOLDER/held-out/INDEX.png      the same
    FOLDER/times.csv               how many times each training image was in the training array (file, times)

INDEX is the image's number in its set. `plaplace scan` reads the two folders.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from plaplace.networks.data.duplicates import Planted

__all__ = ["write_pictures"]


def write_pictures(planted: Planted, folder: str | Path) -> list[Path]:
    """Write them; returns the two folders and the table.

    Raises:
        ValueError: points that are not images (C, H, W) with 1 or 3 channels and values in [-1, 1].
    """
    points = planted.points
    if points.ndim != 4 or points.shape[1] not in (1, 3) or float(points.abs().max()) > 1 + 1e-6:
        raise ValueError(
            f"points of shape {tuple(points.shape)}, up to {float(points.abs().max()):.3g} were given; accepted as "
            "pictures are (N, 1 or 3, H, W) with values in [-1, 1]"
        )
    root, manifest = Path(folder), planted.manifest
    times = torch.tensor(manifest.times)
    first = times.cumsum(0) - times
    labels = None if planted.labels is None else planted.labels[first]
    _folder(root / "training", points[first], manifest.indices, labels)
    _folder(root / "held-out", planted.held_out, manifest.held_out, planted.held_out_labels)
    names = (f"training/{name_of(index)}" for index in manifest.indices)
    _table(root / "times.csv", ("file", "times"), zip(names, manifest.times, strict=True))
    return [root / "training", root / "held-out", root / "times.csv"]


def name_of(index: int) -> str:
    """Of the image with this number.

    >>> name_of(12)
    '000012.png'
    """
    return f"{index:06d}.png"


def _folder(folder: Path, images: Tensor, indices: tuple[int, ...], labels: Tensor | None) -> None:
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    pixels = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    for index, image in zip(indices, pixels, strict=True):
        array = image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).contiguous().numpy()
        Image.fromarray(array).save(folder / name_of(index))
    if labels is not None:
        rows = zip(map(name_of, indices), labels.tolist(), strict=True)
        _table(folder / "labels.csv", ("file", "label"), rows)


def _table(file: Path, header: tuple[str, str], rows: Iterable[tuple[str, int]]) -> None:
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
