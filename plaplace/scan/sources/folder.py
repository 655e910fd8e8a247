"""A folder of image files, with captions or labels in a file beside them."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from plaplace.scan.item import Entry, Item
from plaplace.scan.sources.bounds import check_bytes, item_of, printable
from plaplace.scan.sources.captions import Captions
from plaplace.scan.sources.walk import Others, Walk, suffix

__all__ = ["SUFFIXES", "Folder"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
CAPTIONS = (
    "metadata.csv",
    "metadata.jsonl",
    "captions.csv",
    "captions.json",
    "captions.jsonl",
    "labels.csv",
    "labels.json",
)


@dataclass
class Folder:
    """Every image file under a folder, by name: first a directory's files, then its directories.

    An image is called by its path in the folder, with "/". Its place is that path's bytes. Links to files are
    followed, links to directories are not.

    Attributes:
        name: as the user gave it.
        root: of the folder, absolute.
        captions: file of captions or labels; without one, those in the folder's top that are called like one.
        notes: see `Source`.
    """

    name: str
    root: Path
    captions: Path | None = None
    notes: list[str] = field(default_factory=list)
    kind = "folder"

    def listing(self) -> Iterator[Entry]:
        """See `Source`."""
        root, self.notes[:] = os.fsencode(self.root), []
        walk, others, images, bare = Walk(root), Others(), 0, 0
        beside = [self.root / name for name in CAPTIONS if (self.root / name).is_file()]
        with Captions([self.captions] if self.captions else beside, required=self.captions is not None) as captions:
            for directory, names in walk:
                shown = [name for name in names if suffix(name) in SUFFIXES]
                stems = Counter(os.path.splitext(name)[0] for name in shown)
                for name in shown:
                    alone = stems[os.path.splitext(name)[0]] == 1
                    found = captions.find(directory + name, alone)
                    bare += found is None
                    images += 1
                    yield self._entry(directory + name, *(found or (None, None)))
                for name in names:
                    other = suffix(name) not in SUFFIXES
                    if other and self.root / os.fsdecode(directory + name) not in captions.files:
                        others.add(suffix(name))
            self.notes += walk.notes + captions.notes
            self.notes += [f"{others.total} files of other kinds were left aside: {others}"] if others.total else []
            if captions.total:
                self.notes += [f"{bare} images have neither caption nor label"] if bare else []
                without = captions.total - (images - bare)
                self.notes += [f"{without} captions or labels are of no image in the folder"] if without else []
        if not images:
            raise ValueError(
                f"{self.name} has no images; accepted are {', '.join(SUFFIXES)} files"
                + "".join(f"; {note}" for note in self.notes)
            )

    def read(self, entries: Sequence[Entry]) -> Iterator[Item]:
        """See `Source`."""
        for entry in entries:
            yield item_of(entry, self._item)

    def _entry(self, path: bytes, caption: str | None, label: int | None) -> Entry:
        try:
            found = os.stat(os.path.join(os.fsencode(self.root), path))
            size, modified = found.st_size, found.st_mtime_ns
        except OSError:
            size = modified = -1  # read() tells why
        return Entry(printable(path), path, size, caption, label, modified)

    def _item(self, entry: Entry) -> Item:
        image = read_bytes(os.path.join(os.fsencode(self.root), entry.place))
        return Item(entry.key, image, entry.caption, entry.label)


def read_bytes(path: bytes) -> bytes:
    """The bytes of an ordinary file; one that is a pipe or a device is not waited for.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not an ordinary file, empty or too long.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("not an ordinary file")
        check_bytes(status.st_size)
        if not status.st_size:
            raise ValueError("the file is empty")
        return file.read(status.st_size)
