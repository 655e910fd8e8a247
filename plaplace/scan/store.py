"""Parts of a table on disk: one parquet file a shard, whole or not there.

A part is written under a temporary name, flushed to the disk and renamed; it says which scan and which rows it holds,
and what the SHA-256 of its content is. What is found later is believed only where all of it is right.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from plaplace.scan.work import Shard

__all__ = ["PARTIAL", "clean", "commit", "path_of", "read", "written_atomically"]

PARTIAL = ".partial"
_SCAN, _SHARD, _CONTENT = b"plaplace.scan", b"plaplace.shard", b"plaplace.content"
_HALF = re.compile(r".+\.(parquet|json|html)\.partial-\d+")
_OWN = ("", "parts", "index", "index-now/index", "generated", "generated/parts")  # folders that a scan writes


def path_of(folder: Path, shard: Shard) -> Path:
    """Where the part of a shard is kept.

    >>> path_of(Path("scan"), Shard("images", 7, 0, 10)).as_posix()
    'scan/parts/images-000007.parquet'
    """
    return folder / "parts" / f"{shard.stage}-{shard.number:06d}.parquet"


@contextlib.contextmanager
def written_atomically(file: Path) -> Iterator[Path]:
    """A temporary name beside the file, which becomes the file when the block ends without an error.

    Raises:
        OSError: of the disk, which then holds neither half a file nor the temporary one.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}{PARTIAL}-{os.getpid()}")
    try:
        yield partial
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not every file system can be asked for it
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def commit(folder: Path, shard: Shard, table: pa.Table, scan: str) -> Path:
    """Write the part of a shard of the scan with this digest; returns the file."""
    marked = table.replace_schema_metadata(
        {_SCAN: scan.encode(), _SHARD: repr(shard).encode(), _CONTENT: _content(table)}
    )
    file = path_of(folder, shard)
    with written_atomically(file) as partial:
        pq.write_table(marked, partial, compression="zstd")
    return file


def read(folder: Path, shard: Shard, scan: str) -> pa.Table | None:
    """The rows of a finished part; None where there is none, or none that is whole and of this scan."""
    file = path_of(folder, shard)
    try:
        with pq.ParquetFile(file) as parquet:
            table = parquet.read()
        said = table.schema.metadata or {}
        mine = said.get(_SCAN) == scan.encode() and said.get(_SHARD) == repr(shard).encode()
        whole = mine and said.get(_CONTENT) == _content(table) and len(table) == shard.stop - shard.start
    except (OSError, ValueError, pa.ArrowException):  # a damaged name is a ValueError
        return None
    return table if whole else None


def _content(table: pa.Table) -> bytes:
    """SHA-256 of names, types and values."""
    found = hashlib.sha256()
    for field, column in zip(table.schema, table.columns, strict=True):
        found.update(f"{field.name} {field.type} {len(column)} ".encode())
        plain = pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
        found.update(
            column.to_numpy().tobytes() if plain and not column.null_count else repr(column.to_pylist()).encode()
        )
    return found.hexdigest().encode()


def clean(folder: Path) -> None:
    """Remove what killed processes left half written, in the folders of a scan alone."""
    for own in _OWN:
        for file in (folder / own).glob(f"*{PARTIAL}-*"):
            if _HALF.fullmatch(file.name):
                file.unlink(missing_ok=True)
