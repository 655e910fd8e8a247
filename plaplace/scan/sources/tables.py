"""Tables of images: parquet files, Arrow files and streams.

    image, img, jpg, png, bytes, or the only binary column      the image
    key, __key__, id, file_name                                 what it is called; else FILE:ROW
    caption, text, prompt                                       its caption
    label, class                                                its label, a whole number

An image is bytes, {bytes, path} as Hugging Face's data sets have it (the path is not followed), or lists of numbers.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plaplace.scan.item import Entry, Item
from plaplace.scan.sources.arrow import ArrowParts
from plaplace.scan.sources.bounds import again, caption_of, failed, item_of, label_of, printable
from plaplace.scan.sources.columns import image_of, names_of
from plaplace.scan.sources.cursor import ERRORS, Cursor
from plaplace.scan.sources.parquet import ParquetParts

__all__ = ["Tables"]


@dataclass
class Tables:
    """The rows of files of one kind. The place is "PART ROW FILE", the part a row group or a record batch.

    Only the parts of a file that are asked for are read, each from its start. Entries in order read each part once,
    over several calls too: where the last call ended is kept.

    Attributes:
        name: as the user gave it.
        kind: "parquet" or "arrow".
        root: absolute.
        files: relative to it, in their order.
        notes: see `Source`.
    """

    name: str
    kind: str
    root: Path
    files: tuple[bytes, ...]
    notes: list[str] = field(default_factory=list)

    def listing(self) -> Iterator[Entry]:
        """See `Source`."""
        self.notes[:] = []
        images = 0
        for file in self.files:
            for entry in self._rows(file):
                images += 1
                yield entry
        if not images:
            raise ValueError(f"{self.name} has no rows; accepted are tables of at least one image")

    def read(self, entries: Sequence[Entry]) -> Iterator[Item]:
        """See `Source`."""
        # taken by one call at a time
        opened: dict[bytes, Cursor] = self.__dict__.pop("_opened", {})

        def item(entry: Entry) -> Item:
            part, row, file = entry.place.split(b" ", 2)
            if file not in opened:
                _close(opened)
                opened[file] = self._cursor(file)
            cursor = opened[file]
            batch, index = cursor.at(int(part), int(row))
            wanted = cursor.columns
            try:
                image = image_of(batch.column(wanted.image), index)
                caption = wanted.caption and caption_of(batch.column(wanted.caption)[index].as_py())
                label = None if wanted.label is None else label_of(batch.column(wanted.label)[index].as_py())
            except ERRORS as error:
                raise ValueError(str(error)) from error
            return Item(entry.key, image, caption or None, label)

        for entry in entries:
            yield item_of(entry, item)
        self.__dict__["_opened"] = opened

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_opened"}

    def _rows(self, file: bytes) -> Iterator[Entry]:
        shown, number = printable(file), 0
        try:
            cursor = self._cursor(file)
            modified = (self.root / os.fsdecode(file)).stat().st_mtime_ns
            self.notes += [note for note in cursor.columns.notes if note not in self.notes]
            try:
                for part, length in enumerate(cursor.parts.lengths()):
                    names = _names(cursor, part, length)
                    for row in range(length):
                        name = next(names, None)
                        key = printable(name) if name else f"{shown}:{number}"
                        yield Entry(key, b"%d %d %b" % (part, row, file), modified=modified)
                        number += 1
            finally:
                cursor.parts.close()
        except ERRORS as error:
            if not number and len(self.files) == 1:
                raise ValueError(f"{self.name}: {error}") from error
            yield failed(f"{shown}:{number}", f"{error}; what follows row {number} of {shown} is lost")

    def _cursor(self, file: bytes) -> Cursor:
        path = self.root / os.fsdecode(file)
        try:
            return again(lambda: Cursor(ParquetParts(path) if self.kind == "parquet" else ArrowParts(path)))
        except ERRORS as error:
            raise ValueError(f"{printable(file)} is not a readable {self.kind} file ({error})") from error


def _names(cursor: Cursor, part: int, length: int) -> Iterator[bytes | None]:
    """The keys of a part's rows; None where there is none."""
    key = cursor.columns.key
    if key is None:
        yield from itertools.repeat(None, length)
    else:
        for batch in cursor.parts.batches(part, [key]):
            yield from names_of(batch.column(key))


def _close(opened: dict[bytes, Cursor]) -> None:
    for cursor in opened.values():
        cursor.parts.close()
    opened.clear()
