"""IDX files, the format MNIST came in: `IMAGES-idx3-ubyte[.gz]` with `LABELS-idx1-ubyte[.gz]` beside.

    bytes 0-1   zero
    byte  2     type of the values; 8 is uint8, the only one read here
    byte  3     number of axes, then one big-endian 32-bit length an axis, then the values

Source: the page of the MNIST database, LeCun, Cortes, Burges, http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

__all__ = ["idx_files", "read_idx", "read_idx_folder"]

_MAX_BYTES = 2**30  # unpacked: a file says its size first, so that no more than this is unpacked


def idx_files(folder: Path) -> list[Path]:
    """The files of images in a folder: "train..." first, then by name."""
    found = [file for pattern in ("*idx3-ubyte", "*idx3-ubyte.gz") for file in folder.glob(pattern)]
    return sorted(found, key=lambda file: (not file.name.startswith("train"), file.name))


def read_idx(file: Path) -> Tensor:
    """The array of one file, uint8.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, another type than uint8, or longer or shorter than it says.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist; accepted are files in the IDX format")
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rb") as stream:
            head = stream.read(4)
            if len(head) < 4 or head[:3] != b"\0\0\x08" or not 1 <= head[3] <= 4:
                raise ValueError("its first bytes are not those of an IDX file of uint8")
            shape = struct.unpack(f">{head[3]}I", stream.read(4 * head[3]))
            count = math.prod(shape)
            if count > _MAX_BYTES:
                raise ValueError(f"it holds {count} values, accepted are at most {_MAX_BYTES}")
            values = stream.read(count + 1)
    except (ValueError, OSError, EOFError, struct.error) as error:
        raise ValueError(f"{file} is not a readable IDX file ({error})") from error
    if len(values) != count:
        raise ValueError(f"{file} says {count} values and holds {'fewer' if len(values) < count else 'more'}")
    return torch.from_numpy(np.frombuffer(values, dtype=np.uint8).reshape(shape).copy())


def read_idx_folder(folder: Path) -> tuple[Tensor, Tensor | None]:
    """Images (N, 1, H, W) uint8 and labels (N,) of all files of images in a folder; None where none has labels.

    Raises:
        FileNotFoundError: no file of images.
        ValueError: what `read_idx` refuses, images of several sizes, labels for some files alone or of another number.
    """
    files = idx_files(folder)
    if not files:
        raise FileNotFoundError(f"{folder} has no *idx3-ubyte or *idx3-ubyte.gz files")
    images = [read_idx(file) for file in files]
    for file, part in zip(files, images, strict=True):
        if part.ndim != 3 or part.shape[1:] != images[0].shape[1:]:
            raise ValueError(f"{file} has shape {tuple(part.shape)}; accepted is (N, H, W), all files of one size")
    names = [file.with_name(file.name.replace("images", "labels").replace("idx3", "idx1")) for file in files]
    labels = [read_idx(name) for name in names if name.is_file()]
    if labels and [len(part) for part in labels] != [len(part) for part in images]:
        raise ValueError(f"{folder} has not one file of labels, of the same number, for each file of images")
    return torch.cat(images)[:, None], torch.cat(labels).flatten().long() if labels else None
