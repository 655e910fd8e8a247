"""What a source gives: entries, by which an image is found again, and items, the images themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

__all__ = ["Entry", "Item", "Source"]


@dataclass(frozen=True)
class Entry:
    """A line of a source's listing: enough to find an image again, and small.

    Attributes:
        key: what the image is called: unique where the source's own names are; printable UTF-8.
        place: where it is, in the source's own words.
        size: bytes of the image as stored, which a change would change; -1 where that is not known without reading.
        caption, label: where the listing knows them; of other sources the item does.
        modified: when the file that holds it was last changed, nanoseconds; -1 where that is not known.
    """

    key: str
    place: bytes
    size: int = -1
    caption: str | None = None
    label: int | None = None
    modified: int = -1


@dataclass(frozen=True)
class Item:
    """An image that was read, or the reason why there is none.

    Attributes:
        key: of its entry.
        image: the bytes of an image file, the path of one, or an array (H, W) or (H, W, C), uint8 or floats in [0, 1];
            None with a reason.
        caption, label: what belongs to it.
        reason: a sentence why it could not be read; "" where it could. Whether the bytes are an image is not known yet.
    """

    key: str
    image: bytes | Path | np.ndarray | None
    caption: str | None = None
    label: int | None = None
    reason: str = ""


class Source(Protocol):
    """Images in a fixed order. Can be pickled; files are opened where they are read.

    Attributes:
        name: as the user gave it.
        kind: "folder", "parquet", "arrow", "webdataset", "array".
        notes: sentences about what was left aside, for the report; complete once the listing has been walked.
    """

    name: str
    kind: str
    notes: list[str]

    def listing(self) -> Iterator[Entry]:
        """Every image, in the same order each time; one at a time, so that memory does not grow with their number.

        Raises:
            FileNotFoundError, ValueError: the source as a whole cannot be read.
        """
        ...

    def read(self, entries: Sequence[Entry]) -> Iterator[Item]:
        """The images of these entries, in their order, one item an entry. One that cannot be read has a reason."""
        ...
