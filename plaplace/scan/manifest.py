"""The manifest of a scan, `scan.json`: what was asked for, of what, and how it is cut into shards.

`scan` is what decides the rows, down to versions and the hash of the model; its digest is in every part. A folder is
gone on with under the same `scan` alone. The rest may change: how many workers there are, which engine, the false
discovery rate.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plaplace.scan.settings import differences, digest
from plaplace.scan.store import written_atomically
from plaplace.scan.work import Shard

__all__ = ["NAME", "Manifest", "read_manifest", "write_manifest"]

NAME = "scan.json"
_FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """A scan.

    Attributes:
        scan: settings, model, counts and digests of the inputs, versions.
        counts: stage -> number of images.
        shard: images of one shard.
        names: what the user called model and inputs; they may move.
        sessions: seconds and images of the sessions that came to their end, oldest first.
    """

    scan: Mapping[str, Any]
    counts: Mapping[str, int]
    shard: int
    names: Mapping[str, str]
    sessions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """SHA-256 of `scan`."""
        return digest(self.scan)

    def shards(self, stage: str) -> list[Shard]:
        """Of a stage, in order."""
        count = self.counts.get(stage, 0)
        return [
            Shard(stage, number, number * self.shard, min((number + 1) * self.shard, count))
            for number in range(math.ceil(count / self.shard))
        ]

    def check(self, scan: Mapping[str, Any], folder: Path) -> None:
        """Raises a ValueError that says what differs, unless `scan` is the same."""
        found = differences(self.scan, scan)
        if found:
            raise ValueError(
                f"{folder} holds a scan of another configuration: {'; '.join(found)}. Accepted is the same one to go "
                "on with, or another --out"
            )


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write `scan.json`."""
    text = json.dumps({"format": _FORMAT, "digest": manifest.digest, **manifest.__dict__}, indent=1, allow_nan=False)
    with written_atomically(folder / NAME) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        ValueError: it is not readable, or of another version.
    """
    file = folder / NAME
    try:
        described = json.loads(file.read_text(encoding="utf-8"))
        if described.pop("format") != _FORMAT:
            raise ValueError(f"it is not of format {_FORMAT}")
        stated = described.pop("digest")
        found = Manifest(**described)
        if found.digest != stated or not all(type(n) is int and n >= 0 for n in found.counts.values()):
            raise ValueError("its digest is not that of its content")
        if type(found.shard) is not int or found.shard < 1:
            raise ValueError(f"shard = {found.shard!r}")
        found.names["model"], [(each["seconds"], each["images"]) for each in found.sessions]  # there, or a KeyError
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{file} is not a manifest of a scan ({error})") from error
    return found
