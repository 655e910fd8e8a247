"""Every kind of source gives the same images, captions and labels, in any chunks, in bounded memory."""

import itertools
import pickle
import subprocess
import sys
import tarfile
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaplace.scan.item import Item
from plaplace.scan.sources import open_source
from plaplace.scan.sources.bounds import failed, item_of
from tests.scan_sources import writers
from tests.scan_sources.writers import Sample, pixels

KINDS = {
    "folder": lambda at, samples: writers.folder(at / "a", samples),
    "parquet": lambda at, samples: writers.parquet(at / "a.parquet", samples),
    "parquet of structs": lambda at, samples: writers.parquet(at / "a.parquet", samples, "struct", rows=1000),
    "parquet of lists": lambda at, samples: writers.parquet(at / "a.parquet", samples, "lists"),
    "arrow file": lambda at, samples: writers.arrow(at / "a.arrow", samples),
    "arrow file, packed": lambda at, samples: writers.arrow(at / "a.feather", samples, "struct", packed=True),
    "arrow stream": lambda at, samples: writers.arrow(at / "a.arrow", samples, stream=True),
    "arrow stream, packed": lambda at, samples: writers.arrow(at / "a.arrow", samples, "lists", True, True),
    "tar, pax": lambda at, samples: writers.tar(at / "a.tar", samples),
    "tar, gnu": lambda at, samples: writers.tar(at / "a.tar", samples, tarfile.GNU_FORMAT, prefix="d/" * 60),
    "tar, ustar, json": lambda at, samples: writers.tar(at / "a.tar", samples, tarfile.USTAR_FORMAT, as_json=True),
    "npz": lambda at, samples: writers.npz(at / "a.npz", samples),
    "npz, packed": lambda at, samples: writers.npz(at / "a.npz", samples, packed=True),
}
# whatever a caption may be; only a tar's texts and CSV have ends of lines of their own, and NUL ends a text of numpy
captions = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1, max_size=20)
captions = captions.filter(lambda text: not text.endswith("\n") and not text.startswith("\ufeff"))


@st.composite
def some_samples(draw, labelled=False):
    count, height, width = draw(st.integers(1, 12)), draw(st.integers(1, 5)), draw(st.integers(5, 7))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = (height, width, 3) if draw(st.booleans()) else (height, width)
    labels = st.integers(-(10**12), 10**12) if labelled else st.none() | st.integers(-3, 10**12)
    return [
        Sample(generator.integers(0, 256, shape, dtype=np.uint8), draw(st.none() | captions), draw(labels))
        for _ in range(count)
    ]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_what_was_written_is_read_in_any_chunks(kind, data):
    samples = data.draw(some_samples(labelled=kind.startswith("npz")))
    with tempfile.TemporaryDirectory() as at:
        source = open_source(KINDS[kind](Path(at), samples))
        entries = list(source.listing())
        assert entries == list(source.listing()) and len({each.key for each in entries}) == len(samples)
        items = list(source.read(entries))
        assert [each.key for each in items] == [each.key for each in entries]
        for item, sample in zip(items, samples, strict=True):
            np.testing.assert_array_equal(pixels(item), sample.image)
            assert (item.caption, item.label) == (sample.caption, sample.label)
        chosen = data.draw(st.lists(st.integers(0, len(samples) - 1), max_size=20))
        cuts = data.draw(st.lists(st.integers(0, len(chosen)), max_size=3).map(sorted))
        other = pickle.loads(pickle.dumps(source))
        again = [
            item
            for start, stop in itertools.pairwise([0, *cuts, len(chosen)])
            for item in other.read([entries[number] for number in chosen[start:stop]])
        ]
        for item, number in zip(again, chosen, strict=True):
            np.testing.assert_array_equal(pixels(item), samples[number].image)
            assert (item.key, item.caption, item.label) == (
                items[number].key,
                items[number].caption,
                items[number].label,
            )


MANY = 20_000


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda at, some: writers.tar(at / "a.tar", some, tarfile.USTAR_FORMAT), marks=pytest.mark.slow),
        lambda at, some: writers.parquet(at / "a.parquet", some, rows=MANY),
        lambda at, some: writers.arrow(at / "a.arrow", some, stream=True, rows=500),
        lambda at, some: writers.npz(at / "a.npz", some),
        pytest.param(lambda at, some: writers.npz(at / "a.npz", some, packed=True), marks=pytest.mark.slow),
    ],
    ids=["tar", "parquet in one row group", "arrow stream", "npz", "npz, packed"],
)
def test_many_images_are_read_in_little_memory(write, tmp_path, monkeypatch):
    """Of 16 MB, at most 2 are held in Python, and at most 8 in Arrow's pages and batches."""
    images = np.random.default_rng(0).integers(0, 256, (MANY, 16, 50), dtype=np.uint8)
    monkeypatch.setattr(writers, "png", np.ndarray.tobytes)  # nobody decodes them here
    source = open_source(write(tmp_path, [Sample(image, label=number) for number, image in enumerate(images)]))
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    listing, count, peak = source.listing(), 0, 0
    while chunk := list(itertools.islice(listing, 256)):
        for item in source.read(chunk):
            assert item.label == count and not item.reason
            count += 1
        peak = max(peak, pa.total_allocated_bytes() - before)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == MANY
    assert used < 2_000_000, f"{used} bytes of Python objects for {MANY} images"
    assert peak < 8_000_000, f"{peak} bytes of Arrow buffers for {MANY} images"


def test_nothing_there_and_other_kinds_are_sentences(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.parquet does not exist or is not a file; accepted are"):
        open_source(tmp_path / "nothing.parquet")
    for name, text in {
        "a.txt": "was given",
        "a.tar.gz": "is compressed; unpack it first",
        "a.png": "is one image",
    }.items():
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(ValueError, match=f"{name} {text}.*accepted are a folder"):
            open_source(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty has no images, but no files; accepted are"):
        open_source(tmp_path / "empty")
    (tmp_path / "empty" / "b.npy").touch()
    with pytest.raises(ValueError, match=r"has no images, but 1 files \(\.npy 1\); accepted are"):
        open_source(tmp_path / "empty")
    (tmp_path / "a.parquet").touch()
    with pytest.raises(ValueError, match=r"holds several kinds of images \(folder 1, parquet 1\); accepted is one"):
        open_source(tmp_path)
    with pytest.raises(ValueError, match="captions of parquet files were given"):
        open_source(tmp_path / "a.parquet", captions=tmp_path / "a.csv")


def test_patterns_name_files_in_order(tmp_path):
    one = Sample(np.zeros((2, 2), np.uint8))
    for number in (8, 9, 10):
        writers.tar(tmp_path / f"s-{number:03d}.tar", [one], prefix=f"{number}-")
    source = open_source(f"{tmp_path}/s-{{008..010}}.tar")
    assert source.name == f"{tmp_path}/s-{{008..010}}.tar" and source.kind == "webdataset"
    assert [each.key for each in source.listing()] == ["8-0000", "9-0000", "10-0000"]
    assert [each.key for each in open_source(tmp_path).listing()] == ["8-0000", "9-0000", "10-0000"]
    with pytest.raises(FileNotFoundError, match=r"s-011\.tar does not exist"):
        open_source(f"{tmp_path}/s-{{008..011}}.tar")
    for pattern in ("9..8", "0..100000"):
        with pytest.raises(ValueError, match="accepted are ranges upwards, of at most 100000 files"):
            open_source(f"{tmp_path}/s-{{{pattern}}}.tar")


def test_a_relative_name_stays_and_is_found_from_elsewhere(tmp_path, monkeypatch):
    writers.folder(tmp_path / "pictures", [Sample(np.full((2, 2), 7, np.uint8))])
    monkeypatch.chdir(tmp_path)
    source = open_source("pictures")
    monkeypatch.chdir("/")
    assert source.name == "pictures" and [each.reason for each in source.read(list(source.listing()))] == [""]


@pytest.mark.slow
def test_a_source_is_read_in_another_process_under_a_relative_name(tmp_path, monkeypatch):
    writers.folder(tmp_path / "pictures", [Sample(np.full((2, 2), 7, np.uint8))])
    monkeypatch.chdir(tmp_path)
    source = open_source("pictures")
    assert source.name == "pictures"
    (tmp_path / "pickled").write_bytes(pickle.dumps((source, list(source.listing()))))
    program = "import pickle; s, e = pickle.load(open('pickled', 'rb')); print([each.reason for each in s.read(e)])"
    root = Path(__file__).parent.parent
    output = subprocess.check_output([sys.executable, "-c", program], text=True, env={"PYTHONPATH": str(root)})
    assert output.strip() == "['']"


def test_long_keys_and_reasons_are_cut(tmp_path):
    names = ["x" * 5000 + end for end in "ab"]
    table = pa.table({"image": [b"1", b"2"], "key": names})
    pq.write_table(table, tmp_path / "a.parquet")
    keys = [entry.key for entry in open_source(tmp_path / "a.parquet").listing()]
    assert [len(key) for key in keys] == [4096, 4096] and keys[0] != keys[1]
    assert item_of(failed("key", "y" * 5000), lambda entry: Item("never", None)).reason == "y" * 597 + "..."
