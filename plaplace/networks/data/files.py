"""Images from files: an array, or a folder of PNG images. Nothing is executed, pixels are bounded.

    FILE.npy            (N, *shape)
    FILE.npz            the same under the key "images", "x" or "arr_0"; classes under "labels"
    FOLDER              *.png in the order of their names, of one size and mode: (N, 1, H, W) grey, (N, 3, H, W) colour
    FOLDER/CLASS        the same, each sub-folder a class, numbered in the order of their names
    FOLDER              *idx3-ubyte files, see `idx`

8-bit values are for [-1, 1]; floating-point ones are taken as they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from plaplace.networks.data.idx import idx_files, read_idx_folder

__all__ = ["read_files"]

_KEYS = ("images", "x", "arr_0")
_MAX_PIXELS = 4096 * 4096  # of one image; a decompression bomb is refused before it is unpacked
_ACCEPTED = "accepted are .npy and .npz files and folders of .png images or IDX files"


def read_files(path: Path) -> tuple[Tensor, Tensor | None]:
    """Images, uint8 or float32, (N, *shape), and labels (N,) int64 or None.

    Arrays (N, H, W) of 8-bit values get an axis of one channel.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: another kind of file, no image in it, images of several sizes, or values that are neither 8-bit nor
            floating-point numbers.
    """
    if path.is_dir():
        return read_idx_folder(path) if idx_files(path) else _folder(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; {_ACCEPTED}")
    if path.suffix not in (".npy", ".npz"):
        raise ValueError(f"{path} was given; {_ACCEPTED}")
    array, labels = _array(path)
    if array.dtype == np.uint8:
        images = torch.from_numpy(array[:, None] if array.ndim == 3 else array)
    elif np.issubdtype(array.dtype, np.floating):
        images = torch.from_numpy(array.astype(np.float32))
    else:
        raise ValueError(f"{path} holds {array.dtype} values; accepted are uint8 (0..255) and floating-point values")
    if labels is None:
        return images, None
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"{path} has labels of type {labels.dtype}; accepted are whole numbers")
    return images, torch.from_numpy(labels.astype(np.int64))


def _array(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded, None
        with loaded:
            for key in _KEYS:
                if key in loaded:
                    return np.asarray(loaded[key]), np.asarray(loaded["labels"]) if "labels" in loaded else None
            found = ", ".join(loaded.files)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{path} is not a readable array of numbers ({error})") from error
    raise ValueError(f"{path} has the keys {found}; accepted is one of {', '.join(_KEYS)}")


def _folder(path: Path) -> tuple[Tensor, Tensor | None]:
    classes = sorted(each for each in path.iterdir() if each.is_dir() and any(each.glob("*.png")))
    files, labels = sorted(path.glob("*.png")), None
    if not files:
        of_class = [sorted(each.glob("*.png")) for each in classes]
        files = [file for each in of_class for file in each]
        labels = torch.arange(len(classes)).repeat_interleave(torch.tensor([len(each) for each in of_class]).long())
    elif classes:
        raise ValueError(f"{path} has .png images and sub-folders of them; accepted is one of the two")
    if not files:
        raise ValueError(f"{path} has no .png images; {_ACCEPTED}")
    images = [_png(file) for file in files]
    for file, image in zip(files, images, strict=True):
        if image.shape != images[0].shape:
            raise ValueError(
                f"{file} has shape {image.shape} and {files[0].name} {images[0].shape}; accepted is one size"
            )
    return torch.from_numpy(np.stack(images)), labels


def _png(file: Path) -> np.ndarray:
    """(1, H, W) or (3, H, W), uint8."""
    from PIL import Image

    try:
        with Image.open(file, formats=["PNG"]) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels, accepted are at most {_MAX_PIXELS}")
            grey = image.mode in ("L", "1", "I;16", "I")
            pixels = np.asarray(image.convert("L" if grey else "RGB"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{file} is not a readable PNG image ({error})") from error
    return pixels[None] if grey else pixels.transpose(2, 0, 1)
