"""The columns of a table of images, and the image in a cell."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plaplace.scan.sources.bounds import check_bytes, printable
from plaplace.scan.sources.caption_files import CAPTION, LABEL

__all__ = ["Columns", "columns", "image_of", "names_of"]

IMAGE = ("image", "img", "jpg", "png", "bytes")
KEY = ("key", "__key__", "id", "file_name")


@dataclass(frozen=True)
class Columns:
    """Their names; None where there is none."""

    image: str
    key: str | None
    caption: str | None
    label: str | None
    notes: tuple[str, ...] = ()

    def of_items(self) -> list[str]:
        """The columns that are read with an image."""
        return [name for name in (self.image, self.caption, self.label) if name is not None]


def columns(schema: pa.Schema) -> Columns:
    """Which columns are what.

    Raises:
        ValueError: none is of images, or one is there twice.
    """
    types = {field.name: _plain(field.type) for field in schema}
    fields = [field for field in schema if _is_image(field.type)]
    named = [name for name in IMAGE if name in {field.name for field in fields}]
    binary = [field.name for field in fields if _is_bytes(field.type)]
    if not named and len(binary) != 1:
        shown = printable(", ".join(f"{field.name} ({field.type})" for field in schema))
        raise ValueError(
            f"its columns are {shown}; accepted is {', '.join(IMAGE)} or the only binary one, of bytes, of "
            "{bytes, path}, or of (height, width[, channels]) lists of uint8 or floats"
        )
    key = next((name for name in KEY if name in types and (_is_text(types[name]) or _is_whole(types[name]))), None)
    caption = next((name for name in CAPTION if name in types), None)
    label = next((name for name in LABEL if name in types), None)
    notes = []
    if caption is not None and not _is_text(types[caption]):
        notes.append(f"the column {caption} is of {types[caption]}, no texts: it was left aside")
        caption = None
    if label is not None and not (_is_whole(types[label]) or pa.types.is_floating(types[label])):
        notes.append(f"the column {label} is of {types[label]}, no whole numbers: it was left aside")
        label = None
    chosen = Columns((named or binary)[0], key, caption, label, tuple(notes))
    twice = [name for name in {chosen.image, key, caption, label} - {None} if schema.names.count(name) > 1]
    if twice:
        raise ValueError(f"its column {printable(str(twice[0]))} is there twice; accepted is one")
    return chosen


def names_of(column: pa.Array) -> list[bytes | None]:
    """The cells of a column of keys, not necessarily UTF-8."""
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if _is_whole(column.type):
        column = column.cast(pa.string())
    return list(column.cast(pa.large_binary()).to_pylist())


def image_of(column: pa.Array, row: int) -> bytes | np.ndarray:
    """The image in a cell, as bytes or as an array.

    Raises:
        ValueError: there is none, it is too long, or it is not rectangular.
    """
    cell = column.slice(row, 1)
    cell = cell.storage if isinstance(cell, pa.ExtensionArray) else cell
    cell = cell.dictionary_decode() if pa.types.is_dictionary(cell.type) else cell
    if cell.null_count:
        raise ValueError("the image is null")
    if _is_list(cell.type):
        shape = list(column.type.shape) if isinstance(column.type, pa.FixedShapeTensorType) else []
        return _numbers(cell, shape)
    scalar = cell[0]
    if pa.types.is_struct(cell.type):
        scalar = scalar["bytes"]
        if not scalar.is_valid:
            raise ValueError("the row has no bytes of an image; a path is not followed out of the file")
    check_bytes(scalar.as_buffer().size)
    data = bytes(scalar.as_py())
    if not data:
        raise ValueError("the image is empty")
    return data


def _numbers(cell: pa.Array, shape: list[int]) -> np.ndarray:
    lengths = []
    while _is_list(cell.type):
        of_each = pc.unique(pc.list_value_length(cell)).to_pylist()
        if len(of_each) != 1 or not of_each[0]:
            raise ValueError("the lists of the image are empty, missing or of several lengths; accepted is one length")
        lengths.append(of_each[0])
        cell = cell.flatten()
    if cell.null_count:
        raise ValueError("values of the image are missing")
    check_bytes(len(cell) * cell.type.bit_width // 8)
    if math.prod(shape or lengths[1:]) * (1 if shape else lengths[0]) != len(cell):
        raise ValueError(f"the image has {len(cell)} values; accepted is a rectangle")
    return np.array(cell.to_numpy(zero_copy_only=False)).reshape(shape or lengths)


def _plain(kind: pa.DataType) -> pa.DataType:
    kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_image(kind: pa.DataType) -> bool:
    if _is_bytes(kind):
        return True
    if isinstance(kind, pa.FixedShapeTensorType):
        ordered = kind.permutation in (None, list(range(len(kind.shape))))
        return ordered and len(kind.shape) in (2, 3) and _is_pixel(kind.value_type)
    depth, inner = 0, _plain(kind)
    while _is_list(inner):
        depth, inner = depth + 1, inner.value_type
    return depth in (2, 3) and _is_pixel(inner)


def _is_bytes(kind: pa.DataType) -> bool:
    kind = _plain(kind)
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 and _is_bytes(kind.field("bytes").type)
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)
    return any(test(kind) for test in tests)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _is_pixel(kind: pa.DataType) -> bool:
    return pa.types.is_uint8(kind) or pa.types.is_floating(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_whole(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind)
