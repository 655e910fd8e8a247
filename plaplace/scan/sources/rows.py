"""The rows of an array in a .npy or .npz file, without reading the array.

What is stored as it is is memory-mapped, in a .npz too, at the place that the archive tells. What is compressed is
unpacked from its start up to the row that is asked for, and no more than a row of it is held: rows in order cost one
pass. Nothing is unpickled.

Source: the format of .npy files, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Literal

import numpy as np

__all__ = ["Rows", "members"]

_MAX_RATIO = 1100  # deflate packs at most 1032 : 1; what claims more would be read for ever
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, RuntimeError)  # what zipfile raises


class Rows:
    """`rows[i]` is a copy of row i.

    Args:
        path: of a .npy file, or of a .npz archive.
        member: in the archive.

    Attributes:
        shape, dtype: of the array.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not an array of numbers or texts, is cut off, or is stored in a way that has no rows.
    """

    def __init__(self, path: Path, member: str | None = None) -> None:
        self._stream: IO[bytes] | None = None
        self._array: np.ndarray = np.empty(0)
        self._start = 0  # of the values
        try:
            if member is None:
                self._map(path, 0, path.stat().st_size)
            else:
                self._open(path, member)
        except _DAMAGED as error:
            raise ValueError(f"damaged archive ({error})") from error

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, index: int) -> np.ndarray:
        if not 0 <= index < len(self):
            raise ValueError(f"row {index} was asked for; there are {len(self)}")
        if self._stream is None:
            return np.array(self._array[index])
        shape = self.shape[1:]
        size = math.prod(shape) * self.dtype.itemsize
        try:
            self._stream.seek(self._start + index * size)
            data = self._stream.read(size)
        except _DAMAGED as error:
            raise ValueError(f"damaged archive ({error})") from error
        if len(data) < size:
            raise ValueError(f"row {index} is cut off")
        return np.frombuffer(data, self.dtype).reshape(shape).copy()

    def _open(self, path: Path, member: str) -> None:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(member)
            if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"{member} is encrypted or packed in another way than deflate")
            if info.file_size > _MAX_RATIO * (info.compress_size + 100) or info.compress_size > path.stat().st_size:
                raise ValueError(f"{member} claims {info.file_size} bytes unpacked from {info.compress_size}")
            if info.compress_type == zipfile.ZIP_STORED:
                with open(path, "rb") as file:
                    file.seek(info.header_offset)
                    head = struct.unpack("<4s22xHH", file.read(30))  # signature, lengths of the name and of the extras
                start = info.header_offset + 30 + head[1] + head[2]
                self._map(path, start, start + info.file_size)
            else:
                self._stream = archive.open(info)  # keeps the file open for itself
                _, fortran = self._header(self._stream, info.file_size)
                if fortran and len(self.shape) > 1:
                    raise ValueError(f"{member} is compressed in Fortran order; accepted is C order")

    def _map(self, path: Path, start: int, stop: int) -> None:
        with open(path, "rb") as file:
            file.seek(start)
            offset, fortran = self._header(file, stop - start)
        order: Literal["F", "C"] = "F" if fortran else "C"
        self._array = np.memmap(path, self.dtype, "r", start + offset, self.shape, order)

    def _header(self, file: IO[bytes], size: int) -> tuple[int, bool]:
        begin = file.tell()
        try:
            one = np.lib.format.read_magic(file) == (1, 0)  # later ones say the length in four bytes
            read = np.lib.format.read_array_header_1_0 if one else np.lib.format.read_array_header_2_0
            self.shape, fortran, self.dtype = read(file)
        except (OSError, *_DAMAGED):
            raise
        except Exception as error:  # numpy parses it as Python does: SyntaxError, TokenError, ...
            raise ValueError(f"its header is no .npy header ({error})") from error
        if self.dtype.hasobject or self.dtype.names:
            raise ValueError(f"an array of Python objects or records ({self.dtype}); accepted are numbers: no pickles")
        self._start = file.tell() - begin
        needed = self._start + math.prod(self.shape) * self.dtype.itemsize
        if not self.shape or min(self.shape) < 0 or needed > size:
            raise ValueError(f"an array of shape {self.shape} needs {needed} bytes; there are {size}")
        return self._start, fortran


def members(path: Path) -> list[str]:
    """The names of the arrays in a .npz archive, without ".npy".

    Raises:
        ValueError: not an archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except _DAMAGED as error:
        raise ValueError(f"damaged archive ({error})") from error
