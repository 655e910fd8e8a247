"""Images of any kind a user has, as 8-bit or floating-point arrays: PIL, arrays, tensors, files.

    PIL image                                   of 8 bits; transparency is laid on white
    path, bytes                                 a file that PIL reads, or its content, bounded in pixels
    numpy uint8                                 (H, W), (H, W, C), (N, H, W, C); N images of C = 1, 3 or 4 channels
    numpy float                                 the same, values in [0, 1]
    torch uint8 or float                        (H, W), (C, H, W), (N, C, H, W)
    a list of any of these                      sizes may differ

The axis of the channels is where the library keeps it: last in numpy and PIL, first in torch.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

__all__ = ["each_image", "open_image"]

MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV")
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")  # not EPS, for which PIL starts another program
MAX_PIXELS = 64_000_000  # of one image: a decompression bomb is refused before it is unpacked


def open_image(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The image in a file, or in the bytes of one, as a PIL image with its pixels read.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not an image that PIL can read, or one of too many pixels.
    """
    name = "the image file" if isinstance(source, bytes) else str(source)
    if not isinstance(source, bytes) and not Path(source).is_file():
        raise FileNotFoundError(f"{name} does not exist")
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise ValueError(f"{image.width} x {image.height} pixels; accepted are at most {max_pixels}")
            image.load()
            return ImageOps.exif_transpose(image)  # a copy, as the camera was held
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name} is not a readable image ({_without_address(error)})") from error


def _without_address(error: Exception) -> str:
    """What PIL says, without the address of a buffer in memory, which is another one each time."""
    return re.sub(r" ?<_io\.BytesIO object at 0x[0-9a-f]+>", "", str(error))


def each_image(images: Any) -> Iterator[Tensor]:
    """Each image as a float32 tensor (C, H, W) with values in [0, 1], C = 1 or 3.

    Raises:
        ValueError: a type, shape or range that is not in the list above.
    """
    if isinstance(images, (list, tuple)):
        for image in images:
            yield from each_image(image)
    elif isinstance(images, (str, Path, bytes)):
        yield _from_pil(open_image(images))
    elif isinstance(images, Image.Image):
        yield _from_pil(images)
    elif isinstance(images, Tensor):
        yield from _from_array(images.detach().cpu(), channels_first=True)
    elif isinstance(images, np.ndarray):
        yield from _from_array(_tensor_of(images), channels_first=False)
    else:
        raise ValueError(
            f"an image of type {type(images).__name__} was given; accepted are PIL images, numpy arrays, torch "
            "tensors, paths, bytes of image files, and lists of them"
        )


def _from_pil(image: Image.Image) -> Tensor:
    if image.mode not in MODES:
        raise ValueError(f"a PIL image of mode {image.mode} was given; accepted are 8-bit images: {', '.join(MODES)}")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    image = image.convert("L" if image.mode in ("1", "L") else "RGB")
    pixels = torch.from_numpy(np.array(image))
    return (pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)).float() / 255


def _tensor_of(array: np.ndarray) -> Tensor:
    try:
        # a copy: torch takes neither read-only arrays nor another byte order nor negative strides
        return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))
    except TypeError as error:
        raise ValueError(
            f"an image of {array.dtype} was given; accepted are uint8 (0..255) and floats in [0, 1]"
        ) from error


def _from_array(array: Tensor, channels_first: bool) -> Iterator[Tensor]:
    values = _unit(array)
    if values.ndim == 2:
        values = values[None, None]
    elif values.ndim in (3, 4):
        values = values[None] if values.ndim == 3 else values
        values = values if channels_first else values.permute(0, 3, 1, 2)
    if values.ndim != 4 or values.shape[1] not in (1, 3, 4) or 0 in values.shape:
        order = "(H, W), (C, H, W) or (N, C, H, W)" if channels_first else "(H, W), (H, W, C) or (N, H, W, C)"
        raise ValueError(
            f"an image of shape {tuple(array.shape)} was given; accepted is {order} with 1, 3 or 4 channels"
        )
    for image in values:
        # a fourth channel is opacity, laid on white
        yield image if len(image) != 4 else image[:3] * image[3:] + (1 - image[3:])


def _unit(array: Tensor) -> Tensor:
    if array.dtype == torch.uint8:
        return array.float() / 255
    if not array.is_floating_point():
        raise ValueError(f"an image of {array.dtype} was given; accepted are uint8 (0..255) and floats in [0, 1]")
    if array.numel() and not bool(((array >= 0) & (array <= 1)).all()):  # a NaN fails too
        raise ValueError(
            f"an image with values from {float(array.min()):.4g} to {float(array.max()):.4g} was given; accepted are "
            "floats in [0, 1]; scale them first, or give uint8"
        )
    return array.float()
