"""Named emoji pictures from an unpacked `emoji-datasource-google` package: nothing fetched, nothing executed.

    FOLDER/emoji.json               names, categories and file names
    FOLDER/img/google/64/*.png      64 x 64 RGBA

Used are the base emoji: no skin tones (kept apart in the file), no flags (270 of nearly one layout, a fifth of the
set), no components (patches of skin and hair), and no joined sequences (code point 200D: the same person once more as
man, woman, or with another trade), whose near copies would blur what "duplicated" and "held out" mean. 1,391 remain.

Source: emoji-data, Cal Henderson, MIT licence (github.com/iamcal/emoji-data); pictures by Google, Noto Emoji,
Apache licence 2.0 (github.com/googlefonts/noto-emoji).
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["GOOGLE_16", "SOURCE", "Pictures", "pictures"]

SOURCE = "emoji-datasource-google"

GOOGLE_16 = "e5896dc586bdbb7d6881a2dadeef43b335fca935adc09e774af973e4db046bcf"  # `Pictures.sha256` of version 16.0.0

_SIDE = 64  # pixels, of the files
_SIZES = (8, 16, 32, 64)
_LARGEST_FILE = 16 * 2**20  # bytes; emoji.json has 1.5 million
_FIELDS = {"name": str, "category": str, "image": str, "unified": str, "has_img_google": bool}
_LEFT_OUT = ("Flags", "Component")
_JOINER = "200D"


@dataclass(frozen=True)
class Pictures:
    """Pictures with their names, in the order of emoji.json.

    Attributes:
        images: (N, 3, size, size) float32 in [-1, 1], on white.
        captions: N names in lower case, such as "grinning face"; no two the same.
        categories: N of them, such as "Smileys & Emotion".
        sha256: over names, categories and the bytes of the picture files; the same for every size.
    """

    images: Tensor
    captions: list[str]
    categories: list[str]
    sha256: str


def pictures(folder: str | Path, size: int = 32, sha256: str | None = GOOGLE_16) -> Pictures:
    """The base emoji of a folder, reduced to `size` by means over blocks of pixels.

    Args:
        folder: where the package is unpacked.
        size: 8, 16, 32 or 64.
        sha256: the digest that the pictures must have; None takes any.

    Raises:
        FileNotFoundError: no such folder, or a file missing in it.
        ValueError: another size, a malformed emoji.json, a picture that is not a 64 x 64 PNG, two equal names, or
            another digest.
    """
    if size not in _SIZES:
        raise ValueError(f"size = {size} was given; accepted are {', '.join(map(str, _SIZES))}")
    root = Path(folder)
    entries = _entries(root / "emoji.json")
    digest, images = hashlib.sha256(), []
    for entry in entries:
        content = _bytes(root / "img" / "google" / str(_SIDE) / entry["image"])
        record = json.dumps([entry["name"], entry["category"], hashlib.sha256(content).hexdigest()])
        digest.update(record.encode() + b"\n")
        images.append(_on_white(content, entry["image"], size))
    if sha256 is not None and digest.hexdigest() != sha256:
        raise ValueError(f"the pictures in {root} have the SHA-256 {digest.hexdigest()}; accepted is {sha256}")
    captions = [entry["name"].lower() for entry in entries]
    return Pictures(
        torch.from_numpy(np.stack(images)), captions, [entry["category"] for entry in entries], digest.hexdigest()
    )


def _bytes(file: Path) -> bytes:
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist; `make emoji` fetches the pictures, --pictures says where")
    if file.stat().st_size > _LARGEST_FILE:
        raise ValueError(f"{file} has {file.stat().st_size} bytes; accepted are at most {_LARGEST_FILE}")
    return file.read_bytes()


def _entries(file: Path) -> list[dict[str, Any]]:
    try:
        listed = json.loads(_bytes(file))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is not readable JSON ({error})") from error
    if not isinstance(listed, list):
        raise ValueError(f"{file} holds {type(listed).__name__}; accepted is a list of emoji")
    for entry in listed:
        if not isinstance(entry, dict) or any(not isinstance(entry.get(key), kind) for key, kind in _FIELDS.items()):
            raise ValueError(f"{file} has the entry {str(entry)[:80]}; accepted are entries with {', '.join(_FIELDS)}")
        if not re.fullmatch(r"[0-9a-z-]{1,80}\.png", entry["image"]):
            raise ValueError(f"{file} names the picture {entry['image']!r}; accepted are names such as 1f600.png")
    base = [
        entry
        for entry in listed
        if entry["has_img_google"] and entry["category"] not in _LEFT_OUT and _JOINER not in entry["unified"]
    ]
    names = {entry["name"].lower() for entry in base}
    if not base or len(names) != len(base):
        raise ValueError(
            f"{file} has {len(base)} base emoji of {len(names)} names; accepted are one or more, each once"
        )
    return base


def _on_white(content: bytes, name: str, size: int) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.size != (_SIDE, _SIDE):
                raise ValueError(f"{image.width} x {image.height} pixels; accepted are {_SIDE} x {_SIDE}")
            pixels = np.asarray(image.convert("RGBA"), dtype=np.float32) / 255
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name} is not a readable picture ({error})") from error
    opacity = pixels[..., 3:]
    white = pixels[..., :3] * opacity + (1 - opacity)
    block = _SIDE // size
    reduced = white.reshape(size, block, size, block, 3).mean((1, 3))
    return np.ascontiguousarray(reduced.transpose(2, 0, 1)) * 2 - 1
