"""Tar shards, and what is wrong with some."""

import gzip
import io
import tarfile

import numpy as np
import pytest

from plaplace.scan.sources import open_source
from tests.scan_sources import writers
from tests.scan_sources.writers import Sample, add, everything, pixels, png

IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)
PNG = png(IMAGE)


def shard(at, members, form=tarfile.PAX_FORMAT):
    with tarfile.open(at, "w", format=form) as file:
        for name, data in members:
            add(file, name, data)
    return at


def told(path):
    source = open_source(path)
    return {item.key: (item.caption, item.label, item.reason) for item in everything(source)}, source.notes


def test_members_of_one_name_are_a_sample(tmp_path):
    path = shard(
        tmp_path / "a.tar",
        [
            ("./d/1.txt", b"one\n"),
            ("./d/1.PNG", PNG),
            ("./d/1.json", b'{"caption": "other", "label": 4, "more": {}}'),
            ("d/2.left.png", PNG),
            ("d/2.right.png", PNG),
            ("d/2.cls", b" 7\n"),
            ("d/._3.png", PNG),
            ("d/4.npy", b"x"),
            ("d/4.txt", b"nothing to see"),
        ],
    )
    found, notes = told(path)
    assert found == {"d/1": ("one", 4, ""), "d/2.left.png": (None, 7, ""), "d/2.right.png": (None, 7, "")}
    assert notes == ["2 members of other kinds were left aside: .npy 1, .png 1", "1 samples have no image"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("1.cls", b"cat", "the label 'cat' was given; accepted are whole numbers, not names of classes"),
        ("1.txt", b"\xff", "its .txt is not UTF-8"),
        ("1.txt", b"x" * 100_001, "a caption of 100001 characters was given; accepted are at most 100000"),
        ("1.txt", b"x" * 1_000_001, "its .txt is longer than 1000000 bytes"),
        ("1.json", b"[1]", "its .json holds a list; accepted is an object"),
        ("1.json", b"[" * 100_000, "its .json is not readable"),
        ("1.json", b'{"text": 1}', "a caption of type int was given; accepted are texts"),
    ],
)
def test_texts_that_cannot_be_taken_are_reasons(tmp_path, name, data, reason):
    found, _ = told(shard(tmp_path / "a.tar", [("0.png", PNG), (name, data), ("1.png", PNG), ("2.png", PNG)]))
    assert found["1"][2].startswith(reason), found
    assert [found[key][2] for key in "02"] == ["", ""]


def test_links_and_devices_are_noted_and_names_are_no_paths(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as file:
        add(file, "../../etc/a.png", PNG)
        add(file, "/root/b.png", PNG)
        for kind, name in ((tarfile.SYMTYPE, "c.png"), (tarfile.LNKTYPE, "d.png"), (tarfile.CHRTYPE, "e.png")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
        info = tarfile.TarInfo("directory.png")
        info.type = tarfile.DIRTYPE
        file.addfile(info)
    found, notes = told(path)
    assert found == {"../../etc/a": (None, None, ""), "/root/b": (None, None, "")}
    assert notes == ["3 members that are links or devices were left aside"]


def test_names_that_are_not_utf8_are_escaped(tmp_path):
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        found, _ = told(shard(tmp_path / "a.tar", [("caf\udce9/" * 30 + "1\n2.png", PNG)], form))
        assert list(found) == ["caf\\xe9/" * 30 + "1\\n2"]


def test_empty_and_vast_images_are_reasons(tmp_path):
    path = tmp_path / "a.tar"
    with open(path, "wb") as file:
        for name, size in (("1.png", 0), ("2.png", 256_000_001)):
            info = tarfile.TarInfo(name)
            info.size = size
            file.write(info.tobuf())
            file.seek(-(-size // 512) * 512, io.SEEK_CUR)
        file.truncate(file.tell() + 1024)  # sparse
    found, _ = told(path)
    assert found["1"][2] == "the image is empty"
    assert found["2"][2] == "256000001 bytes were given for one image; accepted are at most 256000000"


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_cut_anywhere_loses_nothing_before_it_and_is_told(tmp_path, form):
    members = [(f"{'n' * 120}{number}.png", PNG) for number in range(3)]
    whole = shard(tmp_path / "a.tar", members, form).read_bytes()
    with tarfile.open(tmp_path / "a.tar") as file:
        ends = [each.offset_data + each.size for each in file.getmembers()]
    end = -(-ends[-1] // 512) * 512 + 1024
    for cut in range(0, end, 64):
        (tmp_path / "a.tar").write_bytes(whole[:cut])
        source = open_source(tmp_path / "a.tar")
        intact = sum(each <= cut for each in ends)
        if not intact:
            with pytest.raises(ValueError, match=r"a\.tar is not a readable tar file: .*accepted are uncompressed"):
                list(source.listing())
            continue
        items = everything(source)
        assert len(items) == intact + 1, f"cut at {cut}"
        for item in items[:-1]:
            np.testing.assert_array_equal(pixels(item), IMAGE)
        assert items[-1].key.startswith("a.tar:")
        assert items[-1].reason.startswith("a.tar is not a readable tar file: "), items[-1].reason
    (tmp_path / "a.tar").write_bytes(whole[:end])
    assert [item.reason for item in everything(open_source(tmp_path / "a.tar"))] == ["", "", ""]


@pytest.mark.parametrize("size", [10**6, 8**11 - 1, 0, 512])
def test_sizes_that_lie_end_the_shard_with_a_reason(tmp_path, size):
    path = shard(tmp_path / "a.tar", [("0.png", PNG), ("1.png", b"\1" * 1500), ("2.png", PNG)], tarfile.USTAR_FORMAT)
    data = bytearray(path.read_bytes())
    with tarfile.open(path) as file:
        at = file.getmembers()[1].offset
    info = tarfile.TarInfo("1.png")
    info.size = size
    data[at : at + 512] = info.tobuf(tarfile.USTAR_FORMAT)
    path.write_bytes(data)
    items = everything(open_source(path))
    assert items[0].reason == "" and items[0].key == "0"
    assert items[-1].key.startswith("a.tar:") and "is not a readable tar file" in items[-1].reason


def extended(path, kind, data):
    """A shard with an image, an extension of a header, and an image."""
    info = tarfile.TarInfo("header")
    info.type, info.size = kind, len(data)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as file:
        add(file, "0.png", PNG)
        file.addfile(info, io.BytesIO(data))
        add(file, "1.png", PNG)
    return [(item.key[:5], item.reason) for item in everything(open_source(path))]


@pytest.mark.parametrize(
    "data", [b"99 path=a\n", b"12 size=-512\n", b"-1 a=b\n", b"0 a=b\n", b"9 path=ab\n", b"9 path=ab", b"8 path\n\n"]
)
def test_damaged_attributes_end_the_shard_with_a_reason(tmp_path, data):
    (first, second) = extended(tmp_path / "a.tar", b"x", data)
    assert first == ("0", "") and second[0] == "a.tar" and "a member" in second[1]
    assert len(extended(tmp_path / "a.tar", b"g", data)) == 2  # those of all members are not used


def test_attributes_and_long_names_are_taken_and_bounded(tmp_path):
    assert extended(tmp_path / "a.tar", b"x", b"14 path=b.png\n") == [("0", ""), ("b", "")]
    assert extended(tmp_path / "a.tar", b"L", b"b.png\0rest") == [("0", ""), ("b", "")]
    for kind in (b"x", b"L", b"g"):
        (first, second) = extended(tmp_path / "a.tar", kind, b"b" * (2**20 + 1))
        assert first == ("0", "") and second[1].endswith("attributes of 1048577 bytes; accepted are 1048576")


def test_appended_tar_files_are_read_to_the_end(tmp_path):
    for name in "ab":
        shard(tmp_path / f"{name}.tar", [(f"{name}.png", PNG)])
    (tmp_path / "both.tar").write_bytes((tmp_path / "a.tar").read_bytes() + (tmp_path / "b.tar").read_bytes())
    assert list(told(tmp_path / "both.tar")[0]) == ["a", "b"]
    with open(tmp_path / "both.tar", "r+b") as file:
        file.truncate(10240 + 1024)  # the second without its end
    assert list(told(tmp_path / "both.tar")[0]) == ["a", "b", f"both.tar:{10240 + 512 + len(PNG)}"]


def test_a_shard_that_is_no_tar_is_a_row_among_others_and_an_error_alone(tmp_path):
    packed = tmp_path / "b.tar"
    packed.write_bytes(gzip.compress(writers.tar(tmp_path / "a.tar", [Sample(IMAGE)]).read_bytes()))
    writers.tar(tmp_path / "c.tar", [Sample(IMAGE)], prefix="c")
    found, _ = told(tmp_path)
    assert list(found) == ["0000", "b.tar:0", "c0000"]
    assert (
        found["b.tar:0"][2] == "b.tar is not a readable tar file: byte 0 is no header of a tar file (truncated header)"
    )
    with pytest.raises(ValueError, match=r"b\.tar is not a readable tar file: .*; accepted are uncompressed tar files"):
        list(open_source(packed).listing())
    with pytest.raises(ValueError, match=r"has no images; accepted are .png, .*1 samples have no image"):
        list(open_source(shard(tmp_path / "a.tar", [("a.txt", b"x")])).listing())


def test_a_shard_that_shrinks_gives_reasons(tmp_path):
    source = open_source(writers.tar(tmp_path / "a.tar", [Sample(IMAGE)] * 2))
    entries = list(source.listing())
    with open(tmp_path / "a.tar", "r+b") as file:
        file.truncate(530)
    assert [item.reason for item in source.read(entries)] == ["the image is cut off"] * 2
    (tmp_path / "a.tar").unlink()
    assert [item.reason for item in source.read(entries)] == ["No such file or directory"] * 2


def test_a_passing_error_is_tried_again_once(tmp_path, monkeypatch):
    source = open_source(writers.tar(tmp_path / "a.tar", [Sample(IMAGE)] * 3))
    failures = [OSError(5, "Input/output error")] * 3

    def flaky(*arguments):
        if failures:
            raise failures.pop()
        return open(*arguments)

    monkeypatch.setattr("plaplace.scan.sources.webdataset.open", flaky, raising=False)
    with pytest.raises(ValueError, match=r"is not a readable tar file: .*Input/output error"):
        list(source.listing())
    entries = list(source.listing())  # after one failure
    failures += [OSError(5, "Input/output error")] * 3
    assert [item.reason for item in source.read(entries)] == ["Input/output error", "", ""]
