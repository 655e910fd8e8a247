"""Captions and labels by image file, looked up on disk: memory does not grow with their number."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from plaplace.scan.sources.bounds import caption_of, label_of, printable
from plaplace.scan.sources.caption_files import CAPTION, FILE, LABEL, caption_rows, first

__all__ = ["Captions"]

_IMAGES = (b".png", b".jpg", b".jpeg", b".webp")


class Captions:
    """Captions and labels by file, in a temporary file while they are looked up.

    Args:
        files: to read; what one file says of an image another may say too, or complete, but not otherwise.
        required: whether a file that has neither captions nor labels is an error; a note says so else.

    Attributes:
        total: number of files that have a caption or a label.
        notes: of files without.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file is malformed; says its name and line.
    """

    def __init__(self, files: Sequence[Path], required: bool) -> None:
        self.files = frozenset(files)
        self.notes: list[str] = []
        self.total = 0
        if not files:
            return
        self._table = sqlite3.connect("", isolation_level=None)  # a temporary file, removed when closed
        self._table.execute("create table captions (file blob primary key, caption text, label integer)")
        self._table.execute("begin")
        for file in files:
            taken = sum(self._add(place, row) for place, row in caption_rows(file))
            if not taken and required:
                raise ValueError(
                    f"{printable(file.name)} has neither captions nor labels; accepted are the columns or keys "
                    f"{', '.join(FILE)} with {', '.join(CAPTION)} or {', '.join(LABEL)}"
                )
            if not taken:
                self.notes.append(f"{printable(file.name)} has neither captions nor labels")

    def __enter__(self) -> Captions:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.files:
            self._table.close()

    def find(self, file: bytes, alone: bool) -> tuple[str | None, int | None] | None:
        """(caption, label) of an image file; `alone`: it may go by its name without the suffix."""
        if not self.total:
            return None
        query = "select caption, label from captions where file = ?"
        found = self._table.execute(query, (file,)).fetchone()
        stem = os.path.splitext(file)[0]
        if found is None and alone and os.path.splitext(stem)[1].lower() not in _IMAGES:
            found = self._table.execute(query, (stem,)).fetchone()
        return found

    def _add(self, place: str, row: Mapping[str, Any]) -> bool:
        file = first(row, FILE)
        if not isinstance(row.get(file or ""), str) or not row[file or ""]:
            raise ValueError(f"{place}: no file is named; accepted is its path under {', '.join(FILE)}")
        try:
            caption = caption_of(row.get(first(row, CAPTION) or ""))
            label = label_of(row.get(first(row, LABEL) or ""))
            name = os.fsencode(row[file or ""])
        except ValueError as error:  # UnicodeEncodeError is one
            raise ValueError(f"{place}: {error}") from error
        if caption is None and label is None:
            return False
        name = name.removeprefix(b"./")
        known = self._table.execute("select caption, label from captions where file = ?", (name,)).fetchone()
        for new, old in zip((caption, label), known or (None, None), strict=True):
            if None not in (new, old) and new != old:
                raise ValueError(
                    f"{place}: {printable(name)} has {printable(str(old))[:40]!r} elsewhere; accepted is one"
                )
        old_caption, old_label = known or (None, None)
        values = (name, old_caption if caption is None else caption, old_label if label is None else label)
        self._table.execute("insert or replace into captions values (?, ?, ?)", values)
        self.total += known is None
        return True
