"""Folders of images, and what is wrong with some."""

import os
from pathlib import Path

import numpy as np
import pytest

from plaplace.scan.sources import open_source
from tests.scan_sources.writers import everything, pixels, png

IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)


def put(root: Path, *names: str | bytes) -> None:
    for name in names:
        path = os.path.join(os.fsencode(root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(png(IMAGE))


def keys(root: Path) -> list[str]:
    return [entry.key for entry in open_source(root).listing()]


def test_files_come_before_directories_by_name(tmp_path):
    put(tmp_path, "b/2.png", "b.png", "a/z/1.JPG", "a/3.WebP", "a/0.jpeg", "c.png")
    assert keys(tmp_path) == ["b.png", "c.png", "a/0.jpeg", "a/3.WebP", "a/z/1.JPG", "b/2.png"]


def test_order_does_not_depend_on_the_file_system(tmp_path, monkeypatch):
    put(tmp_path, "b/2.png", "b/1.png", "b.png", "a/1.png")
    want, scandir = keys(tmp_path), os.scandir

    class Reversed:
        def __init__(self, path):
            with scandir(path) as found:
                self.found = list(found)[::-1]

        def __enter__(self):
            return iter(self.found)

        def __exit__(self, *error):
            pass

    monkeypatch.setattr(os, "scandir", Reversed)
    assert keys(tmp_path) == want


def test_other_files_and_linked_directories_are_noted(tmp_path):
    put(tmp_path / "real", "a.png", "b.txt", "c.txt", "d.gif", "README")
    put(tmp_path / "elsewhere", "e.png")
    (tmp_path / "real" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "real" / "f.png").symlink_to(tmp_path / "elsewhere" / "e.png")
    source = open_source(tmp_path / "real")
    items = everything(source)
    assert [item.key for item in items] == ["a.png", "f.png"]
    np.testing.assert_array_equal(pixels(items[1]), IMAGE)
    assert source.notes == [
        "1 links to directories were not followed",
        "4 files of other kinds were left aside: .txt 2, without a suffix 1, .gif 1",
    ]
    list(source.listing())
    assert len(source.notes) == 2  # listed twice, said once


def test_names_that_are_not_utf8_or_not_printable_are_found_again(tmp_path):
    put(tmp_path, b"caf\xe9.png", "two\nlines.png", "caf\u00e9.png", "\u202egnp.png")
    items = everything(open_source(tmp_path))
    assert [item.key for item in items] == ["caf\u00e9.png", "caf\\xe9.png", "two\\nlines.png", "\\u202egnp.png"]
    for item in items:
        np.testing.assert_array_equal(pixels(item), IMAGE)
        item.key.encode()


def test_what_is_no_image_is_a_row_with_a_reason(tmp_path):
    put(tmp_path, "good.png", "gone.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "empty.png").touch()
    os.mkfifo(tmp_path / "pipe.png")
    with open(tmp_path / "vast.png", "wb") as file:
        file.truncate(256_000_001)  # sparse
    source = open_source(tmp_path)
    entries = list(source.listing())
    (tmp_path / "gone.png").unlink()
    reasons = {item.key: item.reason for item in source.read(entries)}
    assert reasons == {
        "dangling.png": "No such file or directory",
        "empty.png": "the file is empty",
        "gone.png": "No such file or directory",
        "good.png": "",
        "pipe.png": "not an ordinary file",
        "vast.png": "256000001 bytes were given for one image; accepted are at most 256000000",
    }


def test_truncated_png_is_given_as_it_is(tmp_path):
    (tmp_path / "a.png").write_bytes(png(IMAGE)[:20])
    (item,) = everything(open_source(tmp_path))
    assert item.image == png(IMAGE)[:20]  # whoever decodes it says so


def test_a_passing_error_is_tried_again_once(tmp_path, monkeypatch):
    put(tmp_path, "a.png", "b.png")
    source = open_source(tmp_path)
    entries, opened, failures = list(source.listing()), os.open, [OSError(5, "Input/output error")] * 3

    def flaky(path, flags):
        if failures:
            raise failures.pop()
        return opened(path, flags)

    monkeypatch.setattr(os, "open", flaky)
    assert [item.reason for item in source.read(entries)] == ["Input/output error", ""]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_directory_without_permission_is_noted(tmp_path):
    put(tmp_path, "a.png", "closed/b.png")
    (tmp_path / "closed").chmod(0)
    try:
        source = open_source(tmp_path)
        assert [entry.key for entry in source.listing()] == ["a.png"]
        assert source.notes == ["1 directories could not be read: closed/ (Permission denied)"]
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_directory_that_cannot_be_read_is_noted(tmp_path, monkeypatch):
    put(tmp_path, "a.png", "closed/b.png")
    scandir = os.scandir

    def refused(path):
        if os.fsdecode(path).endswith("closed/"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    source = open_source(tmp_path)
    assert [entry.key for entry in source.listing()] == ["a.png"]
    assert source.notes == ["1 directories could not be read: closed/ (Permission denied)"]
