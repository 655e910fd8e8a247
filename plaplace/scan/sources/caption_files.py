"""The rows of CSV and JSON files of captions and labels.

    .csv        a line of column names, then a line an image
    .jsonl      an object a line
    .json       {"a.png": "a caption", "b.png": 3}, or a list of objects

Columns and keys: file_name, file, image or key; caption, text or prompt; label or class. The first of each that is
there. The file is the image's path in the folder; without a suffix it is that of the only image that is called so.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from plaplace.scan.sources.bounds import printable

__all__ = ["CAPTION", "FILE", "LABEL", "caption_rows", "first"]

FILE = ("file_name", "file", "image", "key")
CAPTION = ("caption", "text", "prompt")
LABEL = ("label", "class")
Row = tuple[str, Mapping[str, Any]]  # where it is, its columns or keys
_MAX_LINE = 2**20  # characters
_MAX_JSON = 2**28  # bytes of a .json file, which is held whole


def first(names: Any, wanted: Sequence[str]) -> str | None:
    """The first of the wanted names that is among the names."""
    return next((name for name in wanted if name in names), None)


def caption_rows(file: Path) -> Iterator[Row]:
    """("FILE line N" or the like, columns or keys with their values)."""
    readers: dict[str, Callable[[Path], Iterator[Row]]] = {
        ".csv": _csv,
        ".jsonl": _jsonl,
        ".json": _json,
    }
    if file.suffix.lower() not in readers:
        raise ValueError(f"{printable(str(file))} was given for captions; accepted are {', '.join(readers)} files")
    if not file.is_file():
        raise FileNotFoundError(f"{printable(str(file))} does not exist; accepted are {', '.join(readers)} files")
    yield from readers[file.suffix.lower()](file)


def _lines(file: Path) -> Iterator[str]:
    # names that are not UTF-8 stay what they are, as file names do
    with open(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        number = 0
        while line := stream.readline(_MAX_LINE + 1):
            number += 1
            if len(line) > _MAX_LINE:
                raise ValueError(f"{printable(file.name)} line {number} is longer than {_MAX_LINE} characters")
            yield line


def _csv(file: Path) -> Iterator[Row]:
    reader, place = csv.reader(_lines(file), strict=True), f"{printable(file.name)} line"
    names: list[str] | None = None
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise ValueError(f"{place} {reader.line_num}: {error}") from error
        if row is None:
            return
        if names is None:
            names = [name.strip() for name in row]
            if not first(names, FILE):
                shown = printable(", ".join(names))
                raise ValueError(f"{place} 1: the columns are {shown}; accepted is one of {', '.join(FILE)}")
        elif row and len(row) != len(names):
            raise ValueError(f"{place} {reader.line_num}: {len(row)} fields where there are {len(names)} columns")
        elif row:
            yield f"{place} {reader.line_num}", dict(zip(names, row, strict=True))


def _jsonl(file: Path) -> Iterator[Row]:
    for number, line in enumerate(_lines(file), start=1):
        place = f"{printable(file.name)} line {number}"
        if line.strip():
            yield place, _object(_parsed(line, place), place)


def _json(file: Path) -> Iterator[Row]:
    name = printable(file.name)
    if file.stat().st_size > _MAX_JSON:
        raise ValueError(f"{name} is longer than {_MAX_JSON} bytes; write it as .jsonl, an object a line")
    # names that are not UTF-8 stay what they are, as file names do
    parsed = _parsed(file.read_text("utf-8-sig", "surrogateescape"), name)
    if isinstance(parsed, dict):
        for key, value in parsed.items():
            yield f"{name} {printable(key)}", {FILE[0]: key, (CAPTION if isinstance(value, str) else LABEL)[0]: value}
    elif isinstance(parsed, list):
        for number, value in enumerate(parsed, start=1):
            place = f"{name} object {number}"
            yield place, _object(value, place)
    else:
        raise ValueError(f"{name} holds a {type(parsed).__name__}; accepted is an object or a list of objects")


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place}: not readable as JSON ({error})") from error


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(
            f"{place}: a {type(value).__name__} was given; accepted is an object with a file and a caption"
        )
    return value
