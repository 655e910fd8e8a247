"""Where images come from: folders, tables, shards and arrays, all as a `Source`.

    folder      .png, .jpg, .jpeg, .webp files, with captions or labels in a CSV or JSON file beside them
    tables      .parquet; .arrow and .feather, file or stream
    shards      .tar, WebDataset
    arrays      .npy, .npz

Tables and shards are one file, a folder of them, or a pattern like data-{000..009}.tar.
Nothing that a file holds is executed, unpickled or used as a path; see `bounds` for what is too long.
"""

from __future__ import annotations

import os
from pathlib import Path

from plaplace.scan.item import Source
from plaplace.scan.sources.bounds import printable
from plaplace.scan.sources.pattern import expand
from plaplace.scan.sources.walk import Others, Walk, suffix

__all__ = ["open_source"]

_KINDS = {
    ".png": "folder",
    ".jpg": "folder",
    ".jpeg": "folder",
    ".webp": "folder",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".tar": "webdataset",
    ".npy": "array",
    ".npz": "array",
}
_ACCEPTED = (
    "accepted are a folder of .png, .jpg, .jpeg or .webp images, .parquet, .arrow or .feather tables, .tar shards "
    "(one, a folder of them, or a pattern like data-{000..009}.tar), and .npy or .npz arrays"
)
_PACKED = (".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip", ".7z")


def open_source(path: str | Path, captions: str | Path | None = None) -> Source:
    """The images at a path.

    Args:
        path: a file, a folder, or a pattern of files.
        captions: a .csv, .jsonl or .json file of captions or labels, for a folder of images.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is none of the kinds above, or several of them.
    """
    name, given = printable(str(path)), Path(os.path.abspath(path))
    if given.is_dir():
        kind, files = _folder(name, given)
        root = given
    else:
        paths = expand(given)
        for each in paths:
            if not each.is_file():
                raise FileNotFoundError(f"{printable(str(each))} does not exist or is not a file; {_ACCEPTED}")
        kind = _kind(name, paths)
        root = Path(os.path.commonpath([each.parent for each in paths]))
        files = tuple(os.fsencode(each.relative_to(root)) for each in paths)
    if captions is not None and kind != "folder":
        raise ValueError(f"captions of {kind} files were given; accepted are captions of a folder of images")
    return _open(name, kind, root, files, captions)


def _open(name: str, kind: str, root: Path, files: tuple[bytes, ...], captions: str | Path | None) -> Source:
    if kind == "folder":
        from plaplace.scan.sources.folder import Folder

        beside = None if captions is None else Path(os.path.abspath(captions))
        if beside is not None and not beside.is_file():
            raise FileNotFoundError(
                f"{printable(str(captions))} does not exist; accepted are .csv, .jsonl and .json files"
            )
        return Folder(name, root, beside)
    if kind == "array":
        from plaplace.scan.sources.array import Array

        return Array(name, root / os.fsdecode(files[0]))
    if kind == "webdataset":
        from plaplace.scan.sources.webdataset import WebDataset

        return WebDataset(name, root, files)
    from plaplace.scan.sources.tables import Tables

    return Tables(name, kind, root, files)


def _folder(name: str, root: Path) -> tuple[str, tuple[bytes, ...]]:
    """What kind of images a folder holds, and its files of tables or shards."""
    walk, found, others, files = Walk(os.fsencode(root)), Others(), Others(), []
    for directory, names in walk:
        for each in names:
            kind = _KINDS.get(suffix(each))
            if kind is None or kind == "array":
                others.add(suffix(each))
                continue
            found.add(kind)
            if kind != "folder":
                files.append(directory + each)
    if len(found.counts) > 1:
        raise ValueError(f"{name} holds several kinds of images ({found}); accepted is one: name the files")
    if not found.total:
        notes = "".join(f"; {note}" for note in walk.notes)
        held = f"{others.total} files ({others})" if others.total else "no files"
        raise ValueError(f"{name} has no images, but {held}{notes}; {_ACCEPTED}")
    return next(iter(found.counts)), tuple(files)


def _kind(name: str, paths: list[Path]) -> str:
    """What kind the files are, of which there are several of tables and shards only."""
    suffixes = {suffix(os.fsencode(each.name)) for each in paths}
    kinds = {_KINDS.get(each, "") for each in suffixes}
    if suffixes & set(_PACKED):
        raise ValueError(f"{name} is compressed; unpack it first: {_ACCEPTED}")
    kind = kinds.pop() if len(kinds) == 1 else ""
    if kind == "folder":
        raise ValueError(f"{name} is one image; {_ACCEPTED}")
    if not kind or (kind == "array" and len(paths) > 1):
        raise ValueError(f"{name} was given; {_ACCEPTED}")
    return kind
