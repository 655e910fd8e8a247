"""The members of an uncompressed tar file, found by seeking from header to header.

    512 bytes       header: name, size of what follows, type, checksum
    size bytes      the member, padded to a multiple of 512
    ...
    1024 zeros      the end

A header of type "L" (GNU) or "x" (POSIX) comes before the one that it gives a longer name or a larger size.
Python's `tarfile` takes a damaged header in the middle for the end of the file; here it is an error.

Source: POSIX.1-2017, pax, https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from plaplace.scan.sources.bounds import again

__all__ = ["Member", "members", "read_at"]

_BLOCK = 512
_MAX_EXTRA = 2**20  # bytes of a header's extension
_MAX_ZEROS = 2**20  # bytes of zeros that are looked through for a tar file that was appended
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_BARE = (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE)


@dataclass(frozen=True)
class Member:
    """Attributes:
    name: as stored, never used as a path.
    offset, size: of its bytes.
    kind: "file", "directory", "link" or "other".
    """

    name: bytes
    offset: int
    size: int
    kind: str


def members(file: BinaryIO, length: int) -> Iterator[Member]:
    """Each member of a tar file of `length` bytes, in order.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged or cut off; what came before has been given.
    """
    at, zeros, extra = 0, 0, _Extra()
    while zeros < _MAX_ZEROS and at < length:
        block = read_at(file, at, _BLOCK)
        if block.count(0) == len(block):
            at, zeros = at + len(block), zeros + len(block)
            continue
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise ValueError(f"byte {at} is no header of a tar file ({error})") from error
        zeros = 0
        start, bare = at + _BLOCK, header.type in _BARE
        size = 0 if bare else header.size if extra.size is None or header.type in _Extra.TYPES else extra.size
        name = header.name.encode("utf-8", "surrogateescape")
        if size < 0 or start + size > length:
            shown = (extra.name or name)[:100].decode("utf-8", "backslashreplace")
            raise ValueError(f"it is cut off: {shown!r} at byte {at} claims {size} bytes of {length - start} left")
        at = start + -(-size // _BLOCK) * _BLOCK
        if header.type in _Extra.TYPES:
            if size > _MAX_EXTRA:
                raise ValueError(f"byte {start} has a name or attributes of {size} bytes; accepted are {_MAX_EXTRA}")
            extra.take(header.type, read_at(file, start, size))
            continue
        if header.type == tarfile.GNUTYPE_SPARSE and block[482]:
            raise ValueError(f"byte {start} has a sparse file; accepted are files that are stored whole")
        yield Member(extra.name or name, start, size, extra.kind or _kind(header.type))
        extra = _Extra()
    if zeros < 2 * _BLOCK:
        raise ValueError(f"it is cut off: byte {length} is not preceded by the 1,024 zeros that end a tar file")


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Bytes of a file, fewer at its end; see `again`."""

    def read() -> bytes:
        file.seek(offset)
        return file.read(size)

    return again(read)


class _Extra:
    """What the headers before say of the next member."""

    TYPES = (
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    )

    def __init__(self) -> None:
        self.name, self.kind = b"", ""
        self.size: int | None = None

    def take(self, kind: bytes, data: bytes) -> None:
        if kind == tarfile.GNUTYPE_LONGNAME:
            self.name = data.split(b"\0")[0]
        elif kind in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            for key, value in _records(data):
                if key == b"path":
                    self.name = value.split(b"\0")[0]
                elif key == b"size":
                    if not re.fullmatch(rb"[0-9]{1,18}", value):
                        raise ValueError(f"a member has the size {value[:40]!r}; accepted are whole numbers")
                    self.size = int(value)
                elif key.startswith(b"GNU.sparse"):
                    self.kind = "other"


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Records "LENGTH KEY=VALUE\\n", the length that of the record."""
    at = 0
    while at < len(data) and data[at]:
        number = re.match(rb"([0-9]{1,9}) ", data[at : at + 10])
        length = int(number[1]) if number else 0
        record = data[at : at + length]
        if number is None or len(record) < length or not record.endswith(b"\n") or b"=" not in record:
            raise ValueError("the attributes of a member are damaged")
        key, _, value = record[number.end() : -1].partition(b"=")
        yield key, value
        at += length


def _kind(kind: bytes) -> str:
    if kind in _FILES:
        return "file"
    return "directory" if kind == tarfile.DIRTYPE else "link" if kind in _BARE else "other"
