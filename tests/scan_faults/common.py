"""Images, a network and command lines for scans that are disturbed, and what must be true of them afterwards."""

from __future__ import annotations

import io
import tarfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from plaplace import networks

__all__ = ["HINT", "NUMBER", "asked", "digits", "finished", "network", "png", "same", "wait", "write_images"]

NUMBER = 1500
HINT = "finished parts are kept; go on with --resume"


def digits(number, seed):
    """(N, 8, 8) uint8: strokes of a pen, blurred."""
    rng = np.random.default_rng(seed)
    start, step = rng.uniform(1, 6, (number, 2, 1)), rng.normal(0, 0.5, (number, 2, 12)).cumsum(2)
    pen, grid = np.clip(start + step, 0, 7), np.arange(8.0)
    rows, columns = (np.exp(-((grid[None, :, None] - pen[:, axis, None]) ** 2)) for axis in (0, 1))
    image = np.einsum("nap,nbp->nab", rows, columns)
    return (255 * image / image.max((1, 2), keepdims=True)).round().astype(np.uint8)


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()


def write_images(root, images):
    """The same images in four kinds of source."""
    files = {f"{number // 100:02d}/{number:05d}.png": png(image) for number, image in enumerate(images)}
    for name, content in files.items():
        file = root / "folder" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    pq.write_table(pa.table({"image": list(files.values()), "key": list(files)}), root / "images.parquet")
    with tarfile.open(root / "images.tar", "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    np.save(root / "images.npy", images)


def network(seed=0):
    found = networks.Denoiser(networks.DenoiserConfig((1, 8, 8), width=64, depth=2), seed=seed)
    torch.nn.init.normal_(found.leave.weight, std=0.1, generator=torch.Generator().manual_seed(seed))
    return found


def asked(root, out, kind="images.npy", *more):
    return ["--model", root / "model", "--images", root / kind, "--reference", root / "reference.npy", "--out", out,
            "--batch-size", 8, "--calls", 32, *more]  # fmt: skip


def same(out, whole):
    """scores.parquet to the bit, and nothing half written left."""
    found, expected = (pq.read_table(each / "scores.parquet") for each in (out, whole))
    assert found.schema.equals(expected.schema)
    assert found["index"].to_pylist() == list(range(len(expected))), "a row is missing or there twice"
    for name in expected.column_names:
        if found.schema.field(name).type == pa.float64():
            bits = [each[name].to_numpy().view(np.int64) for each in (found, expected)]
            assert np.array_equal(*bits), f"{name} differs in {np.count_nonzero(bits[0] != bits[1])} rows"
        else:
            assert found[name].equals(expected[name]), name
    assert [str(each) for each in out.rglob("*.partial*")] == []


def finished(out):
    """Names of the parts that are there."""
    folder = out / "parts"
    return sorted(each.name for each in folder.glob("*.parquet")) if folder.is_dir() else []


def wait(process, out, number):
    """Until so many parts are there."""
    while process.exitcode is None and len(finished(out)) < number:
        time.sleep(0.01)
    assert process.exitcode is None, f"the scan ended with {process.exitcode} before it could be disturbed"
