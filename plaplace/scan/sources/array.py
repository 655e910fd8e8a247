"""Arrays of images in .npy and .npz files.

    .npy    (N, H, W), (N, H, W, C) or (N, C, H, W) of C = 1, 3 or 4 channels, uint8 or floats in [0, 1]
    .npz    the same under images, x or arr_0; labels under labels, y or arr_1; captions under captions

A shape that reads both ways has its channels last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from plaplace.scan.item import Entry, Item
from plaplace.scan.sources.bounds import again, caption_of, check_bytes, item_of, label_of, printable
from plaplace.scan.sources.caption_files import first
from plaplace.scan.sources.rows import Rows, members

__all__ = ["Array"]

IMAGES = ("images", "x", "arr_0")
LABELS = ("labels", "y", "arr_1")
CAPTIONS = ("captions",)
_CHANNELS = (1, 3, 4)


@dataclass
class Array:
    """The rows of an array. An image is called by its number from 0, padded with zeros; its place is that number.

    Attributes:
        name: as the user gave it.
        path: of the file, absolute.
        notes: see `Source`.
    """

    name: str
    path: Path
    notes: list[str] = field(default_factory=list)
    kind = "array"

    def listing(self) -> Iterator[Entry]:
        """See `Source`."""
        self.notes[:] = []
        images = self._open().images
        width, size = len(str(len(images) - 1)), math.prod(images.shape[1:]) * images.dtype.itemsize
        modified = self.path.stat().st_mtime_ns
        for index in range(len(images)):
            yield Entry(f"{index:0{width}d}", str(index).encode(), size, modified=modified)

    def read(self, entries: Sequence[Entry]) -> Iterator[Item]:
        """See `Source`."""
        # kept for the next call, which then need not unpack from the start; taken by one call at a time
        arrays: list[_Arrays] = [kept] if (kept := self.__dict__.pop("_kept", None)) else []

        def item(entry: Entry) -> Item:
            if not arrays:
                arrays.append(self._open())
            try:
                return arrays[0].item(entry)
            except OSError:
                arrays.clear()
                raise

        for entry in entries:
            yield item_of(entry, item)
        if arrays:
            self.__dict__["_kept"] = arrays[0]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_kept"}

    def _open(self) -> _Arrays:
        try:
            return again(lambda: _Arrays(self.path))
        except (OSError, ValueError) as error:
            raise ValueError(f"{self.name} is not a readable array of images: {error}") from error


class _Arrays:
    """The images of a file with their labels and captions."""

    def __init__(self, path: Path) -> None:
        self.labels = self.captions = None
        if path.suffix.lower() == ".npy":
            self.images = Rows(path)
        else:
            names = members(path)
            images = first(names, IMAGES)
            if images is None:
                shown = printable(", ".join(names))
                raise ValueError(f"it has the keys {shown}; accepted is one of {', '.join(IMAGES)}")
            self.images = Rows(path, f"{images}.npy")
            self.labels = self._beside(path, first(names, LABELS), "iu", "whole numbers")
            self.captions = self._beside(path, first(names, CAPTIONS), "U", "texts")
        shape, dtype = self.images.shape, self.images.dtype
        last = len(shape) == 3 or (len(shape) == 4 and shape[-1] in _CHANNELS)
        self.channels_first = not last and len(shape) == 4 and shape[1] in _CHANNELS
        if not (last or self.channels_first) or 0 in shape:
            raise ValueError(f"the shape is {shape}; accepted are (N, H, W), (N, H, W, C) and (N, C, H, W)")
        if dtype != np.uint8 and dtype.kind != "f":
            raise ValueError(f"the values are {dtype}; accepted are uint8 (0..255) and floats in [0, 1]")
        check_bytes(math.prod(shape[1:]) * dtype.itemsize)

    def item(self, entry: Entry) -> Item:
        index = int(entry.place)
        image = self.images[index]
        label = None if self.labels is None else label_of(int(self.labels[index].item()))
        caption = None if self.captions is None else caption_of(str(self.captions[index].item()))
        return Item(entry.key, image.transpose(1, 2, 0) if self.channels_first else image, caption, label)

    def _beside(self, path: Path, name: str | None, kinds: str, accepted: str) -> Rows | None:
        if name is None:
            return None
        rows = Rows(path, f"{name}.npy")
        if rows.shape not in ((len(self.images),), (len(self.images), 1)) or rows.dtype.kind not in kinds:
            raise ValueError(
                f"{name} has shape {rows.shape} of {rows.dtype}; accepted are {len(self.images)} {accepted}"
            )
        return rows
