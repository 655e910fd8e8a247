"""Parquet and Arrow tables, and what is wrong with some."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from plaplace.scan.sources import open_source
from plaplace.scan.sources.parquet import ParquetParts
from tests.scan_sources import writers
from tests.scan_sources.writers import Sample, everything, pixels, png

IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)
PNG = png(IMAGE)
SAMPLES = [Sample(np.full((2, 3), number, np.uint8), f"n {number}", number) for number in range(10)]


def written(at, **columns):
    pq.write_table(pa.table(columns), at)
    return at


def keys(path):
    return [entry.key for entry in open_source(path).listing()]


@pytest.mark.parametrize("name", ["image", "img", "jpg", "png", "bytes", "whatever"])
def test_column_of_images_is_found(tmp_path, name):
    source = open_source(written(tmp_path / "a.parquet", id=[5, 6], **{name: [PNG, PNG]}))
    items = everything(source)
    assert [item.key for item in items] == ["5", "6"]
    np.testing.assert_array_equal(pixels(items[1]), IMAGE)


def test_key_is_the_row_without_a_column_and_where_it_is_null(tmp_path):
    (tmp_path / "d").mkdir()
    written(tmp_path / "a.parquet", image=[PNG, PNG])
    written(tmp_path / "d" / "b.parquet", image=[PNG, PNG, PNG], key=["k", None, ""])
    assert keys(tmp_path) == ["a.parquet:0", "a.parquet:1", "k", "d/b.parquet:1", "d/b.parquet:2"]


def test_types_that_writers_choose(tmp_path):
    array = pa.array
    fixed = pa.list_(pa.list_(pa.uint8(), 4), 3)
    tensor = pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.uint8(), (3, 4)), array([IMAGE.ravel()] * 2, pa.list_(pa.uint8(), 12))
    )
    columns = {
        "large": array([PNG] * 2, pa.large_binary()),
        "fixed": array([PNG] * 2, pa.binary(len(PNG))),
        "coded": array([PNG] * 2).dictionary_encode(),
        "struct": array([{"path": None, "bytes": PNG}] * 2),
        "lists": array([IMAGE.tolist()] * 2, pa.list_(pa.large_list(pa.uint8()))),
        "fixed lists": array([IMAGE.tolist()] * 2, fixed),
        "tensor": tensor,
    }
    for name, column in columns.items():
        table = pa.table(
            {
                "image": column,
                "key": array(["a", "b"], pa.large_string()).dictionary_encode(),
                "text": array(["c", "d"]).dictionary_encode(),
                "class": array([1, 2], pa.uint8()),
            }
        )
        with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
            writer.write_table(table)
        pq.write_table(table, tmp_path / "a.parquet")
        for path in ("a.arrow", "a.parquet"):
            items = everything(open_source(tmp_path / path))
            assert [(each.key, each.caption, each.label) for each in items] == [("a", "c", 1), ("b", "d", 2)], (
                name,
                path,
            )
            np.testing.assert_array_equal(pixels(items[1]), IMAGE)


def test_floats_stay_floats(tmp_path):
    values = np.random.default_rng(0).random((2, 3, 4, 3)).astype(np.float32)
    column = pa.array(values.tolist(), pa.list_(pa.list_(pa.list_(pa.float32()))))
    items = everything(open_source(written(tmp_path / "a.parquet", image=column)))
    assert all(item.image.dtype == np.float32 for item in items)
    np.testing.assert_array_equal(np.stack([item.image for item in items]), values)


def test_rows_that_are_no_images_have_reasons(tmp_path):
    struct = pa.array(
        [{"bytes": PNG, "path": "a"}, {"bytes": None, "path": "/etc/passwd"}, None, {"bytes": b"", "path": ""}]
    )
    labels = pa.array([1.0, 1.5, None, float("nan")])
    items = everything(open_source(written(tmp_path / "a.parquet", image=struct, label=labels)))
    assert [item.reason for item in items] == [
        "",
        "the row has no bytes of an image; a path is not followed out of the file",
        "the image is null",
        "the image is empty",
    ]
    lists = pa.array(
        [[[1, 2], [3]], [[1, 2], None], [[1, None], [2, 3]], [], [[1, 2], [3, 4]]], pa.list_(pa.list_(pa.uint8()))
    )
    items = everything(open_source(written(tmp_path / "a.parquet", image=lists, label=[0, 1, 2, 3, 4])))
    crooked = "the lists of the image are empty, missing or of several lengths; accepted is one length"
    assert [item.reason for item in items] == [crooked, crooked, "values of the image are missing", crooked, ""]
    labels = pa.array([1.0, 1.5, None, float("nan")])
    items = everything(open_source(written(tmp_path / "a.parquet", image=[PNG] * 4, label=labels)))
    assert [item.label for item in items] == [1, None, None, None]
    assert [item.reason[:11] for item in items] == ["", "the label '", "", "the label '"]
    texts = pa.array([b"\xff", b"a"]).view(pa.string())
    items = everything(open_source(written(tmp_path / "a.parquet", image=[PNG] * 2, text=texts, key=texts)))
    assert [item.key for item in items] == ["\\xff", "a"] and "utf-8" in items[0].reason and not items[1].reason


def test_captions_and_labels_of_other_types_are_left_aside_and_told(tmp_path):
    table = pa.table({"image": [PNG], "text": [["a", "b"]], "label": ["cat"]})
    pq.write_table(table, tmp_path / "images.parquet")
    source = open_source(tmp_path / "images.parquet")
    (item,) = source.read(list(source.listing()))
    assert (item.reason, item.caption, item.label) == ("", None, None)
    assert any(note.startswith("the column text is of list<") for note in source.notes)
    assert "the column label is of string, no whole numbers: it was left aside" in source.notes


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"label": [1]},
            r"its columns are label \(int64\); accepted is image, img, jpg, png, bytes or the only binary",
        ),
        ({"a": [PNG], "b": [PNG]}, r"its columns are a \(binary\), b \(binary\)"),
        ({"image": ["a path"]}, r"its columns are image \(string\)"),
        ({"image": [[[1, 2]]]}, r"its columns are image \(list<element: list<element: int64>>\)"),
    ],
)
def test_columns_that_cannot_be_taken_are_sentences(tmp_path, columns, message):
    with pytest.raises(ValueError, match=message):
        keys(written(tmp_path / "a.parquet", **columns))


def test_a_table_without_rows_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="has no rows; accepted are tables of at least one image"):
        keys(written(tmp_path / "a.parquet", image=pa.array([], pa.binary())))


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_truncated_file_is_a_row_among_others_and_an_error_alone(tmp_path, kind):
    write = writers.parquet if kind == "parquet" else writers.arrow
    whole = write(tmp_path / f"b.{kind}", SAMPLES).read_bytes()
    for part in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / f"b.{kind}").write_bytes(whole[:part])
        with pytest.raises(ValueError, match=rf"b\.{kind} is not a readable {kind} file"):
            keys(tmp_path / f"b.{kind}")
    write(tmp_path / f"a.{kind}", SAMPLES[:1])
    write(tmp_path / f"c.{kind}", SAMPLES[:1])
    items = everything(open_source(tmp_path))
    assert [item.key for item in items] == ["0000", f"b.{kind}:0", "0000"]
    assert items[1].reason.startswith(f"b.{kind} is not a readable {kind} file (")
    assert not items[0].reason and not items[2].reason


def test_a_truncated_stream_keeps_what_came_before(tmp_path):
    path = writers.arrow(tmp_path / "a.arrow", SAMPLES, stream=True)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    items = everything(open_source(path))
    assert len(items) in (4, 7) and [item.reason for item in items[:-1]] == [""] * (len(items) - 1)
    assert items[-1].key == f"a.arrow:{len(items) - 1}" and "is lost" in items[-1].reason


def test_a_damaged_row_group_costs_only_its_rows(tmp_path):
    path = tmp_path / "a.parquet"
    noise = np.random.default_rng(0).integers(0, 256, (9, 40, 40), dtype=np.uint8)
    writers.parquet(path, [Sample(image, "c", 1) for image in noise])
    about = pq.ParquetFile(path).metadata.row_group(1).column(0)
    start = about.dictionary_page_offset or about.data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + 100] = b"\xff" * 100  # the header of the first page
    path.write_bytes(data)
    reasons = [bool(item.reason) for item in everything(open_source(path))]
    assert reasons == [False] * 3 + [True] * 3 + [False] * 3


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_random_damage_is_never_more_than_reasons(tmp_path, kind):
    write = writers.parquet if kind == "parquet" else writers.arrow
    whole, generator = write(tmp_path / f"a.{kind}", SAMPLES).read_bytes(), np.random.default_rng(0)
    outcomes = set()
    for _ in range(150):
        data = bytearray(whole)
        for at in generator.integers(0, len(data), 3):
            data[at] = generator.integers(256)
        (tmp_path / f"a.{kind}").write_bytes(data)
        try:
            items = everything(open_source(tmp_path / f"a.{kind}"))
        except ValueError:
            outcomes.add("refused")
        else:
            outcomes |= {"reasons" if any(item.reason for item in items) else "unharmed"}
    assert {"refused", "unharmed"} <= outcomes


def test_reading_some_rows_reads_neither_other_row_groups_nor_other_columns(tmp_path, monkeypatch):
    source = open_source(writers.parquet(tmp_path / "a.parquet", SAMPLES))
    entries, asked = list(source.listing()), []
    batches = ParquetParts.batches
    monkeypatch.setattr(
        ParquetParts, "batches", lambda self, part, names: asked.append((part, names)) or batches(self, part, names)
    )
    for start in (3, 5):
        assert [item.label for item in source.read(entries[start : start + 2])] == [start, start + 1]
    want = ["image", "caption", "label"]
    assert asked == [(1, want), (2, want)]  # the second call goes on where the first ended


def test_a_passing_error_is_tried_again_once(tmp_path, monkeypatch):
    source = open_source(writers.parquet(tmp_path / "a.parquet", SAMPLES))
    entries, batches, failures = list(source.listing()), ParquetParts.batches, [OSError("stale handle")] * 3

    def flaky(self, part, names):
        if failures:
            raise failures.pop()
        return batches(self, part, names)

    monkeypatch.setattr(ParquetParts, "batches", flaky)
    assert [item.reason for item in source.read(entries[:5])] == ["stale handle"] * 3 + ["", ""]


def test_rows_of_one_row_group_are_read_in_any_order(tmp_path, monkeypatch):
    monkeypatch.setattr("plaplace.scan.sources.parquet._BATCH", 1)  # a row a batch
    source = open_source(writers.parquet(tmp_path / "a.parquet", SAMPLES, rows=10))
    entries = list(source.listing())
    for order in ([9, 0, 5, 5, 4], [8, 7], [3]):
        assert [item.label for item in source.read([entries[row] for row in order])] == order
