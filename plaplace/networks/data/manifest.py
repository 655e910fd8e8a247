"""What a network was trained on, as plain data that travels with its checkpoint: `training-data.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from plaplace.networks.configuration import from_json, to_json

__all__ = ["MANIFEST_NAME", "Manifest", "read_manifest", "write_manifest"]

MANIFEST_NAME = "training-data.json"
_FORMAT = 1
_MAX_ROWS = 10_000_000  # of a training array: a file can not make us allocate without bound


@dataclass(frozen=True)
class Manifest:
    """Which images a training array holds, and how many times.

    Attributes:
        source: name or path of the image set.
        sha256: of the set as read.
        size: pixels a side; 0 for those of the source.
        seed: of the choice.
        indices: (M,) in the set, of the training images, each once.
        times: (M,) how many times each is in the array, one after the other.
        held_out: (K,) indices of images that are not in it.
        digest: SHA-256 of the training array and its labels.

    Raises:
        ValueError: an image twice, or in training and held out; a number of times below 1; no image.
    """

    source: str
    sha256: str
    size: int
    seed: int
    indices: tuple[int, ...]
    times: tuple[int, ...]
    held_out: tuple[int, ...]
    digest: str

    def __post_init__(self) -> None:
        together = self.indices + self.held_out
        if not self.indices or len(set(together)) != len(together) or min(together) < 0:
            raise ValueError(
                f"indices, held_out = {self.indices[:3]} .., {self.held_out[:3]} .. were given; accepted are numbers "
                ">= 0, at least one of training, each once in the two together"
            )
        if len(self.times) != len(self.indices) or min(self.times) < 1 or sum(self.times) > _MAX_ROWS:
            raise ValueError(
                f"times = {self.times[:3]} .. was given; accepted is one number >= 1 a training image, "
                f"{_MAX_ROWS} in all"
            )
        if self.size < 0:
            raise ValueError(f"size = {self.size} was given; accepted are whole numbers >= 0")

    def repeated(self) -> dict[int, int]:
        """How many images there are of each number of times, {times: images}.

        >>> Manifest("digits", "", 0, 0, (5, 9, 2), (30, 1, 1), (), "").repeated()
        {30: 1, 1: 2}
        """
        return {times: self.times.count(times) for times in sorted(set(self.times), reverse=True)}


def write_manifest(manifest: Manifest, folder: str | Path) -> Path:
    """Write `training-data.json` in a folder; returns the file."""
    file = Path(folder) / MANIFEST_NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"format": _FORMAT, **to_json(manifest)}, allow_nan=False) + "\n")
    return file


def read_manifest(path: str | Path) -> Manifest:
    """The manifest of a file, or of a folder that holds `training-data.json`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a manifest.
    """
    file = Path(path)
    if file.is_dir():
        file = file / MANIFEST_NAME
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist; accepted is what write_manifest or plaplace train wrote")
    try:
        data = json.loads(file.read_text())
        if not isinstance(data, dict) or data.pop("format", None) != _FORMAT:
            raise ValueError(f"it is not a JSON object of format {_FORMAT}")
        return from_json(Manifest, data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is not a manifest of training data ({error})") from error
