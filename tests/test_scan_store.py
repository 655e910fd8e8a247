"""Parts on disk: whole and of this scan, or not there. Listings, manifests and doctests of `plaplace.scan`."""

import doctest
import errno
import importlib
import json
import pkgutil

import pyarrow as pa
import pytest

import plaplace.scan
from plaplace.scan import store
from plaplace.scan.estimate import shard_size
from plaplace.scan.index import freeze, split
from plaplace.scan.item import Entry
from plaplace.scan.manifest import Manifest, read_manifest, write_manifest
from plaplace.scan.randomness import image_seed
from plaplace.scan.ranks import Ranks, wait_for
from plaplace.scan.work import Shard

SHARD = Shard("images", 0, 0, 50)


def table(rows=50):
    return pa.table({"index": list(range(rows)), "value": [0.1 * i for i in range(rows)]})


def test_a_part_is_read_back_and_nothing_else_is_believed(tmp_path):
    file = store.commit(tmp_path, SHARD, table(), "mine")
    assert store.read(tmp_path, SHARD, "mine").equals(table())
    assert store.read(tmp_path, SHARD, "other") is None  # of another scan
    assert store.read(tmp_path, Shard("images", 0, 0, 51), "mine") is None  # not all its rows
    assert store.read(tmp_path, Shard("images", 1, 50, 100), "mine") is None  # not there
    assert list(tmp_path.rglob("*")) == [file.parent, file]
    file.rename(store.path_of(tmp_path, Shard("images", 0, 50, 100)))
    assert store.read(tmp_path, Shard("images", 0, 50, 100), "mine") is None  # other rows of the same number


def test_only_what_a_scan_left_is_cleaned(tmp_path):
    for name in (
        "scores.parquet.partial-7",
        "parts/images-000000.parquet.partial-9",
        "mine.partial-1",
        "a/x.parquet.partial-2",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"half")
    store.clean(tmp_path)
    assert sorted(each.name for each in tmp_path.rglob("*partial*")) == ["mine.partial-1", "x.parquet.partial-2"]


def test_any_damaged_byte_is_noticed_or_does_no_harm(tmp_path):
    file = store.commit(tmp_path, SHARD, table(), "mine")
    whole = file.read_bytes()
    noticed = 0
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        found = store.read(tmp_path, SHARD, "mine")
        noticed += found is None
        assert found is None or found.equals(table()), f"byte {place} of {len(whole)}"
    assert noticed > len(whole) / 3
    for end in range(0, len(whole), 7):
        file.write_bytes(whole[:end])
        assert store.read(tmp_path, SHARD, "mine") is None


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    def write(partial):
        partial.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "file").write_bytes(b"before")
    with pytest.raises(OSError, match="No space"), store.written_atomically(tmp_path / "file") as partial:
        write(partial)
    assert (tmp_path / "file").read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 1


class Listed:
    name, kind, notes = "listed", "listed", ()

    def __init__(self, keys):
        self.keys = keys

    def listing(self):
        return (Entry(key, key.encode()) for key in self.keys)


def test_the_fitted_part_is_random_by_key_whatever_the_order():
    keys = [f"{i}.png" for i in range(400)]
    rows, count = split(Listed(keys), 5, 0.25, 10, 256)
    expected = set(sorted(keys, key=lambda key: image_seed(key, 5, "fit"))[:100])
    assert {keys[row] for row in rows} == expected and count == 400
    turned, _ = split(Listed(keys[::-1]), 5, 0.25, 10, 256)
    assert {keys[::-1][row] for row in turned} == expected
    assert len(split(Listed(keys), 5, 0.25, 10, 30)[0]) == 30
    assert len(split(Listed(keys[:24]), 5, 0.25, 10, 256)[0]) == 10
    assert split(Listed(keys), 6, 0.25, 10, 256)[0] != rows


def test_a_listing_is_read_back_across_its_row_groups(tmp_path):
    entries = [Entry(f"{i}", b"\xff%d" % i, i, None if i % 2 else "caption", i if i % 3 else None) for i in range(9000)]
    index = freeze(iter(entries), tmp_path / "index.parquet")
    assert index.count == 9000 and list(index.walk()) == entries
    for start, stop in ((0, 1), (4095, 4097), (4096, 8192), (8999, 9000), (0, 9000)):
        assert index.entries(start, stop) == entries[start:stop]
    assert freeze(iter(entries), tmp_path / "again.parquet").sha256 == index.sha256
    other = [*entries[:-1], Entry("8999", b"\xff8999", 7)]
    assert freeze(iter(other), tmp_path / "other.parquet").sha256 != index.sha256


def test_a_manifest_that_was_touched_is_refused(tmp_path):
    manifest = Manifest({"settings": {"seed": 0}, "inputs": {}}, {"images": 70}, 32, {"model": "m", "images": "i"})
    write_manifest(manifest, tmp_path)
    assert read_manifest(tmp_path) == manifest
    assert [(each.start, each.stop) for each in manifest.shards("images")] == [(0, 32), (32, 64), (64, 70)]
    file = tmp_path / "scan.json"
    described = json.loads(file.read_text())
    changes = {"scan": {"settings": {"seed": 1}}, "format": 2, "shard": 0, "counts": {"images": "a"}, "x": 1}
    for change in changes.items():
        file.write_text(json.dumps(described | dict([change])))
        with pytest.raises(ValueError, match=r"scan\.json is not a manifest of a scan"):
            read_manifest(tmp_path)
    file.write_text("{")
    with pytest.raises(ValueError, match=r"scan\.json is not a manifest of a scan"):
        read_manifest(tmp_path)


def test_shards_are_whole_batches():
    for images, batch, seconds, workers in ((10, 16, 1.0, 1), (10**6, 16, 1e-6, 2), (5000, 7, 0.3, 3)):
        size = shard_size(images, batch, seconds, workers)
        assert size % batch == 0 and batch <= size <= max(batch, 4096)


def test_ranks_share_shards_and_patience_ends(tmp_path, monkeypatch):
    shards = [Shard("images", i, i, i + 1) for i in range(7)]
    shared = [Ranks(rank, 3).mine(shards) for rank in range(3)]
    assert sorted(each for part in shared for each in part) == shards and [len(part) for part in shared] == [3, 2, 2]
    with pytest.raises(ValueError, match=r"RANK = 3, WORLD_SIZE = 3"):
        Ranks(3, 3)
    monkeypatch.setenv("RANK", "one")
    with pytest.raises(ValueError, match=r"RANK = 'one'"):
        Ranks.of_environment()
    with pytest.raises(TimeoutError, match="the part did not come for 0 s"):
        wait_for(lambda: None, "the part", tmp_path, patience=0.0)


@pytest.mark.parametrize(
    "name",
    [
        each.name
        for each in pkgutil.walk_packages(plaplace.scan.__path__, "plaplace.scan.")
        if ".engines.ray" not in each.name
    ],
)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
