"""Damaged parts, a full disk, another configuration: nothing is believed that is not whole and of this scan."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess

import numpy as np
import pyarrow.parquet as pq
import pytest

from plaplace import networks
from plaplace.scan import store
from plaplace.scan.work import Shard
from tests.scan_faults.common import HINT, NUMBER, asked, digits, finished, network, same, wait
from tests.scan_processes import begin, finish, scan

pytestmark = pytest.mark.slow


def test_damaged_parts(root, truth, tmp_path):
    """Cut at every kind of place, one bit turned at forty places, emptied, swapped, of another scan."""
    out, log, rng = tmp_path / "out", tmp_path / "log", np.random.default_rng(0)
    shutil.copytree(truth("images.parquet"), out)
    other = tmp_path / "other"
    assert scan(asked(root, other, "images.parquet", "--seed", 1), log, seconds=0.1)[0] == 0
    files = sorted((out / "parts").iterdir())
    assert len(files) >= 10
    whole = {file: file.read_bytes() for file in files}
    files[0].write_bytes(b"")
    files[1].write_bytes(whole[files[1]][:4])
    files[2].write_bytes(whole[files[2]][:-9])
    files[3].write_bytes(whole[files[3]] + b"more")
    files[4].write_bytes(whole[files[5]])
    shutil.copy(other / "parts" / files[6].name, files[6])
    files[7].unlink()
    for file in files[8:]:
        flipped = bytearray(whole[file])
        flipped[rng.integers(len(flipped))] ^= 1 << rng.integers(8)
        file.write_bytes(flipped)
    (out / "parts" / f"{files[8].name}.partial-1").write_bytes(b"half")
    (out / "scores.parquet").write_bytes(b"half")
    code, said = scan(asked(root, out, "images.parquet", "--resume"), log)
    assert code == 0, said
    same(out, truth("images.parquet"))


def test_no_turned_bit_is_believed(truth, tmp_path):
    """A part of which any byte is another one is either the same table or none."""
    folder = truth()
    manifest = json.loads((folder / "scan.json").read_text())
    name = next(each for each in finished(folder) if each.startswith("fit"))
    content = (folder / "parts" / name).read_bytes()
    shard = Shard("fit", 0, 0, len(pq.read_table(folder / "parts" / name)))
    file = store.path_of(tmp_path, shard)
    file.parent.mkdir()
    expected = store.read(folder, shard, manifest["digest"])
    assert expected is not None
    wrong = []
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :])
        found = store.read(tmp_path, shard, manifest["digest"])
        if found is not None and not identical(found, expected):
            wrong.append(place)
    assert wrong == [], f"{len(wrong)} of {len(content)} bytes, such as {wrong[:5]}"


def identical(a, b):
    """Names, types and bits of two tables."""
    one, other = (table.replace_schema_metadata(None).combine_chunks() for table in (a, b))
    rows = [table.to_batches()[0].serialize().to_pybytes() for table in (one, other)]
    return one.schema.equals(other.schema) and rows[0] == rows[1]


@contextlib.contextmanager
def small_disk(folder, size):
    """A file system of its own of that size."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def test_full_disk(root, truth, tmp_path):
    with small_disk(tmp_path / "disk", "8m") as disk:
        out, log = disk / "out", tmp_path / "log"
        process = begin(asked(root, out, "images.tar"), log)
        wait(process, out, 4)
        with contextlib.suppress(OSError), (disk / "others").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        assert finish(process) == 1
        said = " ".join(log.read_text().split())
        assert "No space left on device" in said and HINT in said and "Traceback" not in said, said
        kept = finished(out)
        assert len(kept) >= 4 and not list(out.rglob("*.partial*"))
        assert scan(asked(root, out, "images.tar", "--resume"), log)[0] == 1  # still full
        assert set(finished(out)) == set(kept)
        (disk / "others").unlink()
        code, said = scan(asked(root, out, "images.tar", "--resume"), log)
        assert code == 0, said
        same(out, truth("images.tar"))


def test_no_room_for_the_answer(root, truth, tmp_path):
    """Parts fit, scores.parquet does not."""
    out, log = tmp_path / "out", tmp_path / "log"
    code, said = scan(asked(root, out), log, file_bytes=100_000)
    said = " ".join(said.split())
    assert code == 1 and "File too large" in said and HINT in said and "Traceback" not in said, said
    assert not (out / "scores.parquet").exists() and not list(out.rglob("*.partial*"))
    rows = [pq.read_metadata(out / "parts" / name).num_rows for name in finished(out) if name.startswith("images")]
    assert sum(rows) == NUMBER
    assert scan(asked(root, out, "images.npy", "--resume"), log)[0] == 0
    same(out, truth())


def test_resume_says_what_differs(root, truth, tmp_path):
    out, log = tmp_path / "out", tmp_path / "log"
    shutil.copytree(truth(), out)
    networks.save(network(seed=1), tmp_path / "model")
    images = digits(NUMBER, 0)
    images[-1] = 0
    np.save(tmp_path / "fewer.npy", images[:-1])
    for more, text in (
        (["--seed", 1], "settings.seed was 0 and is 1"),
        (
            ["--calls", 34, "--levels", 0.3],
            r"settings.levels was \[.*\] and is \[0.3\]; settings.calls was 32 and is 34",
        ),
        (["--batch-size", 4], "settings.batch was 8 and is 4"),
        (["--model", tmp_path / "model"], 'model was "[0-9a-f]{64}" and is "[0-9a-f]{64}"'),
        (["--images", tmp_path / "fewer.npy"], "inputs.images.count was 1500 and is 1499"),
    ):
        code, said = scan([*asked(root, out, "images.npy", "--resume"), *more], log)
        said = " ".join(said.split())
        assert code == 1 and re.search(text, said) and "Traceback" not in said, said
    same(out, truth())
    code, said = scan([*asked(root, out, "images.npy", "--resume"), "--fdr", 0.2], log)  # may change
    assert code == 0, said
    assert finished(out) == finished(truth())
