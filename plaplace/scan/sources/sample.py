"""One sample of a WebDataset shard: the members of one name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from plaplace.scan.item import Entry
from plaplace.scan.sources.bounds import caption_of, failed, label_of, printable
from plaplace.scan.sources.caption_files import CAPTION, LABEL, first
from plaplace.scan.sources.folder import SUFFIXES
from plaplace.scan.sources.tar import Member, read_at
from plaplace.scan.sources.walk import Others, suffix

__all__ = ["Left", "Sample", "sample_name"]

_TEXTS = ("txt", "cls", "json")
_MAX_TEXT = 1_000_000  # bytes


class Left:
    """What was left aside."""

    def __init__(self) -> None:
        self.others, self.odd, self.bare = Others(), Counter[str](), 0

    def notes(self) -> list[str]:
        others, bare, odd = self.others, self.bare, self.odd
        notes = [f"{others.total} members of other kinds were left aside: {others}"] if others.total else []
        notes += [f"{bare} samples have no image"] if bare else []
        notes += [f"{odd['link']} members that are links or devices were left aside"] if odd["link"] else []
        return notes + ([f"{odd['other']} members of unknown types were left aside"] if odd["other"] else [])


class Sample:
    """The members of one name."""

    def __init__(self, name: bytes, file: bytes, modified: int = -1) -> None:
        self.name, self.file, self.modified = name, file, modified
        self.images: list[Member] = []
        self.texts: dict[str, bytes | None] = {}

    def take(self, member: Member, stream: BinaryIO, left: Left) -> None:
        base = member.name.rpartition(b"/")[2]
        extension = base.partition(b".")[2].lower()
        if suffix(base) in SUFFIXES and not base.startswith(b"."):
            self.images.append(member)
        elif extension.decode("ascii", "replace") in _TEXTS:
            long = member.size > _MAX_TEXT
            self.texts[extension.decode()] = None if long else read_at(stream, member.offset, member.size)
        else:
            left.others.add(suffix(base))

    def entries(self, left: Left) -> Iterator[Entry]:
        left.bare += bool(self.texts and not self.images)
        for member in self.images:
            key = printable(self.name if len(self.images) == 1 else member.name)
            try:
                caption, label = _words(self.texts)
            except ValueError as error:
                yield failed(key, error)
            else:
                yield Entry(
                    key,
                    b"%d %d %b" % (member.offset, member.size, self.file),
                    member.size,
                    caption,
                    label,
                    self.modified,
                )
        self.images, self.texts = [], {}


def sample_name(member: bytes) -> bytes:
    directory, slash, base = member.removeprefix(b"./").rpartition(b"/")
    return directory + slash + base.partition(b".")[0]


def _words(texts: dict[str, bytes | None]) -> tuple[str | None, int | None]:
    """Caption and label."""
    words = {}
    for name, data in texts.items():
        if data is None:
            raise ValueError(f"its .{name} is longer than {_MAX_TEXT} bytes")
        try:
            words[name] = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"its .{name} is not UTF-8 ({error})") from error
    try:
        told = json.loads(words["json"]) if "json" in words else {}
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its .json is not readable ({error})") from error
    if not isinstance(told, dict):
        raise ValueError(f"its .json holds a {type(told).__name__}; accepted is an object")
    caption = words["txt"].removesuffix("\n").removesuffix("\r") if "txt" in words else told.get(first(told, CAPTION))
    label = words["cls"].strip() if "cls" in words else told.get(first(told, LABEL))
    return caption_of(caption), label_of(label)
