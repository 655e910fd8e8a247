"""The same images, captions and labels as every kind of source."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from plaplace.scan.item import Item, Source


@dataclass(frozen=True)
class Sample:
    """An image (H, W) or (H, W, 3), uint8."""

    image: np.ndarray
    caption: str | None = None
    label: int | None = None


def png(image: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(image).save(data, "PNG", compress_level=1)
    return data.getvalue()


def pixels(item: Item) -> np.ndarray:
    assert not item.reason, item
    if isinstance(item.image, np.ndarray):
        return item.image
    return np.array(Image.open(item.image if isinstance(item.image, Path) else io.BytesIO(item.image)))


def everything(source: Source) -> list[Item]:
    return list(source.read(list(source.listing())))


def folder(at: Path, samples: list[Sample]) -> Path:
    """`at`/IJ/IJ.png with captions.csv."""
    at.mkdir()
    with open(at / "captions.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "caption", "label"])
        for number, sample in enumerate(samples):
            name = f"{number // 4:02d}/{number:04d}.png"
            (at / name).parent.mkdir(exist_ok=True)
            (at / name).write_bytes(png(sample.image))
            rows.writerow([name, sample.caption or "", "" if sample.label is None else sample.label])
    return at


def table(samples: list[Sample], kind: str = "bytes", key: bool = True) -> pa.Table:
    """`kind`: bytes, struct (as Hugging Face) or lists of numbers."""
    data = {
        "bytes": lambda: pa.array([png(each.image) for each in samples], pa.binary()),
        "struct": lambda: pa.array([{"bytes": png(each.image), "path": "/etc/passwd"} for each in samples]),
        "lists": lambda: pa.array(
            [each.image.tolist() for each in samples],
            pa.list_(pa.list_(pa.list_(pa.uint8()) if samples[0].image.ndim == 3 else pa.uint8())),
        ),
    }
    keys = {"key": [f"{number:04d}" for number in range(len(samples))]} if key else {}
    return pa.table(
        {
            "image": data[kind](),
            **keys,
            "unused": pa.array([[1.5]] * len(samples)),
            "caption": pa.array([each.caption for each in samples], pa.string()),
            "label": pa.array([each.label for each in samples], pa.int64()),
        }
    )


def parquet(at: Path, samples: list[Sample], kind: str = "bytes", rows: int = 3, key: bool = True) -> Path:
    pq.write_table(table(samples, kind, key), at, row_group_size=rows)
    return at


def arrow(
    at: Path, samples: list[Sample], kind: str = "bytes", stream: bool = False, packed: bool = False, rows: int = 3
) -> Path:
    data = table(samples, kind)
    options = pa.ipc.IpcWriteOptions(compression="zstd" if packed else None)
    opened = pa.ipc.new_stream if stream else pa.ipc.new_file
    with opened(str(at), data.schema, options=options) as writer:
        writer.write_table(data, max_chunksize=rows)
    return at


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def tar(
    at: Path, samples: list[Sample], form: int = tarfile.PAX_FORMAT, prefix: str = "", as_json: bool = False
) -> Path:
    with tarfile.open(at, "w", format=form) as file:
        for number, sample in enumerate(samples):
            name = f"{prefix}{number:04d}"
            if as_json:
                words = {"caption": sample.caption, "label": sample.label, "more": [1]}
                add(file, f"{name}.json", json.dumps(words).encode())
            add(file, f"{name}.png", png(sample.image))
            if not as_json and sample.caption is not None:
                add(file, f"{name}.txt", sample.caption.encode())
            if not as_json and sample.label is not None:
                add(file, f"{name}.cls", str(sample.label).encode())
    return at


def npz(at: Path, samples: list[Sample], packed: bool = False) -> Path:
    """Of samples that all have labels."""
    save = np.savez_compressed if packed else np.savez
    save(
        at,
        images=np.stack([each.image for each in samples]),
        labels=np.array([each.label for each in samples]),
        captions=np.array([each.caption or "" for each in samples]),
    )
    return at
