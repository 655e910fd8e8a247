"""WebDataset shards: tar files in which the members of one sample follow each other under one name.

    NAME.png, .jpg, .jpeg, .webp    the image
    NAME.txt                        its caption
    NAME.cls                        its label
    NAME.json                       an object with caption, text or prompt, and label or class; .txt and .cls come first

NAME is what comes before the first dot of the base name. Only headers and small texts are read to list a shard.

Source: https://github.com/webdataset/webdataset, its README.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from plaplace.scan.item import Entry, Item
from plaplace.scan.sources.bounds import again, check_bytes, failed, item_of, printable
from plaplace.scan.sources.folder import SUFFIXES
from plaplace.scan.sources.sample import Left, Sample, sample_name
from plaplace.scan.sources.tar import members

__all__ = ["WebDataset"]

_MAX_SAMPLE = 1000  # images under one name that are held together


@dataclass
class WebDataset:
    """The images of tar files. An image is called by its sample's name, or by its own where a sample has several.

    The place is "OFFSET SIZE FILE".

    Attributes:
        name: as the user gave it.
        root: absolute.
        files: the shards, relative to it, in their order.
        notes: see `Source`.
    """

    name: str
    root: Path
    files: tuple[bytes, ...]
    notes: list[str] = field(default_factory=list)
    kind = "webdataset"

    def listing(self) -> Iterator[Entry]:
        """See `Source`."""
        self.notes[:] = []
        left, images = Left(), 0
        for file in self.files:
            for entry in self._shard(file, left):
                images += 1
                yield entry
        self.notes += left.notes()
        if not images:
            notes = "".join(f"; {note}" for note in self.notes)
            raise ValueError(f"{self.name} has no images; accepted are {', '.join(SUFFIXES)} members{notes}")

    def read(self, entries: Sequence[Entry]) -> Iterator[Item]:
        """See `Source`."""
        opened: dict[bytes, BinaryIO] = {}

        def item(entry: Entry) -> Item:
            offset, size, file = entry.place.split(b" ", 2)
            check_bytes(int(size))
            try:
                if file not in opened:
                    _close(opened)
                    opened[file] = open(os.path.join(os.fsencode(self.root), file), "rb")  # noqa: SIM115 (until another is)
                opened[file].seek(int(offset))
                image = opened[file].read(int(size))
            except OSError:
                _close(opened)
                raise
            if len(image) < int(size) or not image:
                raise ValueError("the image is empty" if not int(size) else "the image is cut off")
            return Item(entry.key, image, entry.caption, entry.label)

        try:
            for entry in entries:
                yield item_of(entry, item)
        finally:
            _close(opened)

    def _shard(self, file: bytes, left: Left) -> Iterator[Entry]:
        sample, at = Sample(b"", b""), 0
        try:
            with again(lambda: open(os.path.join(os.fsencode(self.root), file), "rb")) as stream:
                known = os.fstat(stream.fileno())
                for member in members(stream, known.st_size):
                    at = member.offset + member.size
                    name = sample_name(member.name)
                    if name != sample.name or len(sample.images) >= _MAX_SAMPLE:
                        yield from sample.entries(left)
                        sample = Sample(name, file, known.st_mtime_ns)
                    if member.kind == "file":
                        sample.take(member, stream, left)
                    elif member.kind != "directory":
                        left.odd[member.kind] += 1
            yield from sample.entries(left)
        except (OSError, ValueError) as error:
            reason = f"{printable(file)} is not a readable tar file: {error}"
            if not at and len(self.files) == 1:
                raise ValueError(f"{reason}; accepted are uncompressed tar files") from error
            yield from sample.entries(left)
            yield failed(f"{printable(file)}:{at}", reason)


def _close(opened: dict[bytes, BinaryIO]) -> None:
    for file in opened.values():
        file.close()
    opened.clear()
