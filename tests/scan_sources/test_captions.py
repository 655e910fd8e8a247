"""Captions and labels in files beside images."""

import json

import numpy as np
import pytest

from plaplace.scan.sources import open_source
from tests.scan_sources.writers import png

IMAGE = png(np.zeros((2, 2), np.uint8))


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png", "sub/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(IMAGE)
    return tmp_path


def told(folder, captions=None):
    source = open_source(folder, captions)
    return {entry.key: (entry.caption, entry.label) for entry in source.listing()}, source.notes


WANT = {"a.png": ("one, two", 3), "b.png": (None, None), "sub/c.png": ('three\n"four"', -1)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("metadata.csv", '\ufefffile_name,text,label\na.png,"one, two",3\r\n./sub/c.png,"three\n""four""",-1\n\n'),
        ("captions.csv", 'more,image,prompt,class\n-,a.png,"one, two",3.0\n-,sub/c.png,"three\n""four""",-1'),
        (
            "captions.jsonl",
            '{"file": "a.png", "caption": "one, two", "label": 3, "more": []}\n\n'
            '{"key": "sub/c.png", "caption": "three\\n\\"four\\"", "class": "-1"}\n',
        ),
        (
            "captions.json",
            '[{"file": "a", "caption": "one, two", "label": 3},'
            ' {"file": "sub/c", "caption": "three\\n\\"four\\"", "label": -1}]',
        ),
    ],
)
def test_captions_and_labels_are_found(folder, name, text):
    (folder / name).write_bytes(text.encode())
    assert told(folder) == (WANT, ["1 images have neither caption nor label"])


def test_two_files_complete_each_other(folder):
    (folder / "captions.json").write_text('{"a.png": "one, two", "sub/c.png": "three\\n\\"four\\""}')
    (folder / "labels.json").write_text('{"a.png": 3, "sub/c.png": -1, "d.png": 7, "e.png": 8}')
    want = ["1 images have neither caption nor label", "2 captions or labels are of no image in the folder"]
    assert told(folder) == (WANT, want)


def test_two_files_complete_each_other_the_other_way_round(folder):
    (folder / "metadata.csv").write_text("file,label\na.png,3\nsub/c.png,-1\n")
    (folder / "captions.json").write_text('{"a.png": "one, two", "sub/c.png": "three\\n\\"four\\""}')
    assert told(folder)[0] == WANT


def test_given_file_is_taken_instead(folder, tmp_path_factory):
    (folder / "labels.csv").write_text("file,label\na.png,1\n")
    other = tmp_path_factory.mktemp("other") / "mine.json"
    other.write_text('{"a.png": 2}')
    found, notes = told(folder, other)
    assert found["a.png"] == (None, 2)
    assert notes[0] == "1 files of other kinds were left aside: .csv 1"
    with pytest.raises(FileNotFoundError, match=r"no\.csv does not exist; accepted are \.csv, \.jsonl and \.json"):
        told(folder, folder / "no.csv")
    with pytest.raises(ValueError, match=r"a\.png was given for captions; accepted are \.csv, \.jsonl, \.json files"):
        told(folder, folder / "a.png")


def test_name_without_suffix_is_taken_only_where_one_image_has_it(folder):
    (folder / "a.jpg").write_bytes(IMAGE)
    (folder / "b.png.jpg").write_bytes(IMAGE)  # is not called b.png
    (folder / "labels.json").write_text('{"a": 1, "b.png": 2}')
    found, notes = told(folder)
    assert {key: label for key, (_, label) in found.items() if label} == {"b.png": 2}
    assert notes == ["4 images have neither caption nor label", "1 captions or labels are of no image in the folder"]


def test_names_that_are_not_utf8_are_found(tmp_path):
    with open(bytes(tmp_path) + b"/caf\xe9.png", "wb") as file:
        file.write(IMAGE)
    (tmp_path / "labels.csv").write_bytes(b"file,label\ncaf\xe9.png,4\n")
    assert told(tmp_path)[0] == {"caf\\xe9.png": (None, 4)}


def test_file_without_captions_is_noted_but_refused_when_asked_for(folder):
    (folder / "metadata.csv").write_text("file_name,width\na.png,2\n")
    assert told(folder)[1] == ["metadata.csv has neither captions nor labels"]
    with pytest.raises(ValueError, match=r"metadata\.csv has neither captions nor labels; accepted are"):
        told(folder, folder / "metadata.csv")


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("labels.csv", "a.png,3\n", r"labels.csv line 1: the columns are a.png, 3; accepted is one of file_name"),
        ("labels.csv", "file,label\na.png,3,4\n", "labels.csv line 2: 3 fields where there are 2 columns"),
        ("labels.csv", "file,label\na.png,cat\n", "labels.csv line 2: the label 'cat' .* not names of classes"),
        ("labels.csv", "file,label\na.png,3.5\n", "labels.csv line 2: the label '3.5' was given; .* whole numbers"),
        ("labels.csv", "file,label\n,3\n", "labels.csv line 2: no file is named; accepted is its path under file_name"),
        ("labels.csv", "file,label\na.png,1\na.png,2\n", "line 3: a.png has '1' elsewhere; accepted is one"),
        ("captions.csv", 'file,text\na.png,"b\n', "captions.csv line 2: unexpected end of data"),
        ("captions.csv", b"file,text\na.png,caf\xe9\n", "captions.csv line 2: the caption .* accepted is UTF-8"),
        ("captions.csv", "file,text\na.png," + "x" * 100_001, "a caption of 100001 characters .* at most 100000"),
        ("captions.csv", "file,text\na.png," + "x" * 1_100_000, "captions.csv line 2 is longer than 1048576"),
        ("captions.jsonl", '{"file": "a.png"\n', "captions.jsonl line 1: not readable as JSON"),
        ("captions.jsonl", "\n[3]\n", "captions.jsonl line 2: a list was given; accepted is an object"),
        ("captions.jsonl", '{"file": 3, "text": "a"}\n', "captions.jsonl line 1: no file is named"),
        ("captions.jsonl", '{"file": "a.png", "text": ["a"]}', "line 1: a caption of type list was given"),
        ("captions.jsonl", DEEP, "captions.jsonl line 1: not readable as JSON"),
        ("captions.json", '{"a.png": {"x": 1}}', "captions.json a.png: the label .* accepted are whole numbers"),
        ("captions.json", '{"a.png": true}', "captions.json a.png: the label 'True'"),
        ("captions.json", '{"a.png": NaN}', "captions.json a.png: the label 'nan'"),
        ("captions.json", '{"a.png": "\\ud800"}', "captions.json a.png: the caption .* accepted is UTF-8"),
        ("captions.json", '[{"file": "a.png", "text": "b"}, 4]', "captions.json object 2: a int was given"),
        ("captions.json", json.dumps("a"), "captions.json holds a str; accepted is an object or a list"),
        ("captions.json", '{"a.png": ' + "9" * 10_000 + "}", "captions.json: not readable as JSON"),
        ("captions.json", DEEP, "captions.json: not readable as JSON"),
    ],
)
def test_malformed_files_are_named_with_their_line(folder, name, text, message):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message):
        told(folder)
