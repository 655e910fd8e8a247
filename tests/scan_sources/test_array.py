"""Arrays, and what is wrong with some."""

import zipfile

import numpy as np
import pytest

from plaplace.scan.sources import open_source
from plaplace.scan.sources.rows import Rows
from tests.scan_sources.writers import everything

IMAGES = np.random.default_rng(0).integers(0, 256, (11, 5, 6, 3), dtype=np.uint8)


def npy(at, array):
    np.save(at, array)
    return at


def images(path):
    return np.stack([item.image for item in everything(open_source(path))])


@pytest.mark.parametrize(
    ("array", "want"),
    [
        (IMAGES, IMAGES),
        (IMAGES[..., 0], IMAGES[..., 0]),
        (IMAGES.transpose(0, 3, 1, 2), IMAGES),
        (np.asfortranarray(IMAGES), IMAGES),
        (IMAGES[:, :3], IMAGES[:, :3]),  # (N, 3, 6, 3) reads both ways
        ((IMAGES / 255).astype(">f4"), (IMAGES / 255).astype("f4")),
        (IMAGES.astype("f2"), IMAGES.astype("f2")),
    ],
)
def test_shapes_and_types(tmp_path, array, want):
    np.testing.assert_array_equal(images(npy(tmp_path / "a.npy", array)), want)
    np.savez(tmp_path / "b.npz", x=array)
    np.testing.assert_array_equal(images(tmp_path / "b.npz"), want)
    assert [entry.key for entry in open_source(tmp_path / "a.npy").listing()] == [f"{n:02d}" for n in range(11)]


def test_labels_of_either_shape_and_name(tmp_path):
    labels = np.arange(11)
    for arguments in ({"labels": labels[:, None].astype(np.uint8)}, {"y": labels.astype(">i4")}):
        np.savez_compressed(tmp_path / "a.npz", images=IMAGES, **arguments)
        assert [item.label for item in everything(open_source(tmp_path / "a.npz"))] == list(range(11))
    np.savez(tmp_path / "a.npz", IMAGES, labels)
    assert [item.label for item in everything(open_source(tmp_path / "a.npz"))] == list(range(11))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3), np.uint8), r"the shape is \(2, 3\); accepted are \(N, H, W\), \(N, H, W, C\) and"),
        (np.zeros((2, 5, 5, 5), np.uint8), r"the shape is \(2, 5, 5, 5\)"),
        (np.zeros((0, 5, 5), np.uint8), r"the shape is \(0, 5, 5\)"),
        (np.zeros((2, 5, 5), np.int64), r"the values are int64; accepted are uint8 \(0..255\) and floats in \[0, 1\]"),
        (np.array([[[None]]]), r"Python objects or records \(object\); accepted are numbers: no pickles"),
        (np.array(3.0), "an array of shape"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, message):
    with pytest.raises(ValueError, match=f"is not a readable array of images: .*{message}"):
        list(open_source(npy(tmp_path / "a.npy", array)).listing())
    np.savez_compressed(tmp_path / "b.npz", images=array)
    with pytest.raises(ValueError, match=f"is not a readable array of images: .*{message}"):
        list(open_source(tmp_path / "b.npz").listing())


def test_archives_with_other_contents_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    for arguments, message in (
        ({"train": IMAGES}, "it has the keys train; accepted is one of images, x, arr_0"),
        ({"x": IMAGES, "y": np.arange(3)}, r"y has shape \(3,\) of int64; accepted are 11 whole numbers"),
        ({"x": IMAGES, "labels": np.array(["cat"] * 11)}, r"labels has shape \(11,\) of <U3; accepted are 11 whole"),
        ({"x": IMAGES, "captions": np.array([None] * 11)}, "Python objects"),
    ):
        np.savez(path, **arguments)
        with pytest.raises(ValueError, match=message):
            list(open_source(path).listing())
    np.savez_compressed(path, images=np.asfortranarray(IMAGES))
    with pytest.raises(ValueError, match="is compressed in Fortran order; accepted is C order"):
        list(open_source(path).listing())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as file:
        file.write(npy(tmp_path / "b.npy", IMAGES), "images.npy")
    with pytest.raises(ValueError, match="is encrypted or packed in another way than deflate"):
        list(open_source(path).listing())


@pytest.mark.parametrize("name", ["a.npy", "stored.npz", "packed.npz"])
def test_random_damage_and_every_cut_are_never_more_than_reasons(tmp_path, name):
    path = tmp_path / name
    save = {"a.npy": np.save, "stored.npz": np.savez, "packed.npz": np.savez_compressed}[name]
    save(path, IMAGES)
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    for cut in [*range(0, 200, 7), len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="is not a readable array of images"):
            list(open_source(path).listing())
    for _ in range(300):
        data = bytearray(whole)
        for at in generator.integers(0, 300, 3):
            data[at] = generator.integers(256)
        path.write_bytes(data)
        try:
            everything(open_source(path))
        except ValueError as error:
            assert "is not a readable array of images" in str(error)  # noqa: PT017


def test_claims_that_deflate_cannot_keep_are_refused(tmp_path):
    header = (
        b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '|u1', 'fortran_order': False, 'shape': (9000000000, 9, 9), }".ljust(117)
    )
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("images.npy", header + b"\n" + b"\0" * 1000)
    data = path.read_bytes()
    at = data.index(b"PK\x01\x02") + 24  # the length when unpacked, in the directory
    path.write_bytes(data[:at] + b"\xfe\xff\xff\xff" + data[at + 4 :])
    with pytest.raises(ValueError, match="claims 4294967294 bytes unpacked from"):
        list(open_source(path).listing())


def test_compressed_rows_in_order_are_unpacked_once(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", images=np.random.default_rng(0).random((400, 30, 30)))
    source, sought, seek = open_source(tmp_path / "a.npz"), [], zipfile.ZipExtFile.seek
    entries = list(source.listing())
    monkeypatch.setattr(
        zipfile.ZipExtFile, "seek", lambda self, to, whence=0: sought.append(to - self.tell()) or seek(self, to, whence)
    )
    for start in range(0, 400, 100):
        assert len(list(source.read(entries[start : start + 100]))) == 100
    assert set(sought) == {0} and len(sought) == 400  # never back, over four calls


def test_rows_are_copies_and_bounded(tmp_path):
    rows = Rows(npy(tmp_path / "a.npy", IMAGES))
    rows[3][:] = 0
    np.testing.assert_array_equal(rows[3], IMAGES[3])
    with pytest.raises(ValueError, match="row 11 was asked for; there are 11"):
        rows[11]


def test_a_passing_error_is_tried_again_once(tmp_path, monkeypatch):
    source = open_source(npy(tmp_path / "a.npy", IMAGES))
    entries, header, failures = list(source.listing()), Rows._header, [OSError(5, "Input/output error")] * 3

    def flaky(self, file, size):
        if failures:
            raise failures.pop()
        return header(self, file, size)

    monkeypatch.setattr(Rows, "_header", flaky)
    items = list(source.read(entries[:3]))
    assert ["Input/output error" in item.reason for item in items] == [True, False, False]


def test_an_array_longer_than_its_member_does_not_reach_into_the_next(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, other=IMAGES)
    data = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(data.replace(b"(11, 5, 6, 3)", b"(12, 5, 6, 3)", 1))
    with pytest.raises(ValueError, match=r"an array of shape \(12, 5, 6, 3\) needs 1208 bytes; there are 1118"):
        list(open_source(tmp_path / "a.npz").listing())
