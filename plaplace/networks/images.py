"""Training data from files: an array, or a folder of PNG images. Nothing is executed, pixels are bounded.

    FILE.npy            (N, *shape)
    FILE.npz            the same under the key "images", "x" or "arr_0"
    FOLDER              *.png in the order of their names, of one size and mode: (N, 1, H, W) grey, (N, 3, H, W) colour

8-bit values are scaled to [-1, 1]; floating-point ones are taken as they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from plaplace.networks.points import checked_points

__all__ = ["load_images"]

_KEYS = ("images", "x", "arr_0")
_MAX_PIXELS = 4096 * 4096  # of one image; a decompression bomb is refused before it is unpacked


def load_images(source: str | Path) -> Tensor:
    """The images as a float32 tensor (N, *shape).

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: another kind of file, no image in it, images of several sizes, or values that are not 8-bit or
            finite floating-point numbers.
    """
    path = Path(source)
    if path.is_dir():
        array = _folder(path)
    elif path.suffix in (".npy", ".npz"):
        array = _array(path)
    elif path.exists():
        raise ValueError(f"{path} was given; accepted are .npy and .npz files and folders of .png images")
    else:
        raise FileNotFoundError(f"{path} does not exist; accepted are .npy and .npz files and folders of .png images")
    if array.dtype == np.uint8:
        return checked_points(torch.from_numpy(array).float() / 127.5 - 1, str(path))
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"{path} holds {array.dtype} values; accepted are uint8 (0..255) and floating-point values")
    return checked_points(torch.from_numpy(array.astype(np.float32)), str(path))


def _array(path: Path) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; accepted are .npy and .npz files and folders of .png images")
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            for key in _KEYS:
                if key in loaded:
                    return np.asarray(loaded[key])
            found = ", ".join(loaded.files)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{path} is not a readable array of numbers ({error})") from error
    raise ValueError(f"{path} has the keys {found}; accepted is one of {', '.join(_KEYS)}")


def _folder(path: Path) -> np.ndarray:
    from PIL import Image

    files = sorted(path.glob("*.png"))
    if not files:
        raise ValueError(f"{path} has no .png images; accepted are .npy and .npz files and folders of .png images")
    images: list[np.ndarray] = []
    for file in files:
        try:
            with Image.open(file, formats=["PNG"]) as image:
                if image.width * image.height > _MAX_PIXELS:
                    raise ValueError(f"{image.width} x {image.height} pixels, accepted are at most {_MAX_PIXELS}")
                grey = image.mode in ("L", "1", "I;16", "I")
                pixels = np.asarray(image.convert("L" if grey else "RGB"))
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise ValueError(f"{file} is not a readable PNG image ({error})") from error
        images.append(pixels[None] if grey else pixels.transpose(2, 0, 1))
        if images[-1].shape != images[0].shape:
            raise ValueError(
                f"{file} has shape {images[-1].shape} and {files[0].name} {images[0].shape}; accepted is one size"
            )
    return np.stack(images)
