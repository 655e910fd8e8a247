"""Planted duplicates: counted in the array itself, rebuilt from the manifest, refused when anything differs."""

import dataclasses
import json
from collections import Counter

import pytest
import torch

from plaplace.networks import data
from plaplace.networks.data.image_set import ImageSet


def numbered(number=300, num_classes=3):
    """Images that are all different: the pixels of the i-th say i, its class is i mod num_classes."""
    index = torch.arange(number)
    images = torch.stack([index % 256, index // 256, index % 7, index % 5], 1).to(torch.uint8).reshape(-1, 1, 2, 2)
    return ImageSet(images, index % num_classes, "numbered", "here")


def rows(points):
    return [tuple(row) for row in points.flatten(1).tolist()]


def test_every_image_is_there_exactly_as_often_as_planned_and_held_out_ones_never():
    images = numbered()
    planted = data.plant(images, 100, {50: 3, 7: 10}, num_held_out=40, seed=4)
    counted = Counter(rows(planted.points))
    assert Counter(counted.values()) == {50: 3, 7: 10, 1: 87}
    assert len(set(rows(planted.held_out))) == 40
    assert not set(rows(planted.held_out)) & set(counted)
    manifest = planted.manifest
    assert manifest.repeated() == {50: 3, 7: 10, 1: 87}
    for index, times in zip(manifest.indices, manifest.times, strict=True):
        row = rows(images.points(torch.tensor([index])))[0]
        assert counted[row] == times, f"image {index} is there {counted[row]} times, the manifest says {times}"
    by_row = dict(zip(rows(images.points()), images.labels.tolist(), strict=True))
    assert planted.labels.tolist() == [by_row[row] for row in rows(planted.points)]
    assert planted.held_out_labels.tolist() == [by_row[row] for row in rows(planted.held_out)]
    assert rows(planted.held_out) == rows(images.points(torch.tensor(manifest.held_out)))


def test_one_image_of_another_class():
    planted = data.plant(numbered(), 61, {100: 1}, classes=[2], duplicated_classes=[0], num_held_out=1000)
    assert planted.labels.tolist() == [0] * 100 + [2] * 60
    # 100 images of class 2, 60 in training
    assert planted.held_out_labels.tolist() == [2] * 40


def test_all_images_when_no_number_is_given():
    planted = data.plant(numbered(30), duplicates={2: 1})
    assert (len(planted.points), len(planted.held_out)) == (31, 0)
    assert sorted(planted.manifest.indices) == list(range(30))


def test_the_choice_follows_the_seed_and_is_uniform():
    images = numbered(30)
    first, again, other = (data.plant(images, 10, {3: 2}, seed=seed).manifest for seed in (0, 0, 1))
    assert first == again
    assert first.indices != other.indices
    # each image in training with probability 1/3: over 300 seeds binomial, sd 8.2; 5 sd for 30 images: 2e-5
    counts = Counter(index for seed in range(300) for index in data.plant(images, 10, seed=seed).manifest.indices)
    assert all(abs(counts[index] - 100) < 5 * (300 * 2 / 9) ** 0.5 for index in range(30)), counts


def test_manifest_round_trip_and_rebuild_in_every_form(tmp_path):
    planted = data.plant(data.image_set("digits", 4), 50, {5: 3}, num_held_out=20, seed=9)
    file = data.write_manifest(planted.manifest, tmp_path)
    assert file.name == data.MANIFEST_NAME
    for path in (file, tmp_path):
        assert data.read_manifest(path) == planted.manifest
    for images in (None, data.image_set("digits"), data.image_set("digits", 4)):
        rebuilt = data.rebuild(data.read_manifest(file), images)
        for part in ("points", "labels", "held_out", "held_out_labels"):
            assert torch.equal(getattr(rebuilt, part), getattr(planted, part)), part
        assert rebuilt.manifest == planted.manifest


def test_an_array_without_labels(tmp_path):
    images = ImageSet(torch.randn(20, 3), None, "vectors", "here")
    planted = data.plant(images, 5, {4: 1}, num_held_out=0)
    assert (planted.points.shape, planted.labels, planted.held_out.shape) == ((8, 3), None, (0, 3))
    assert torch.equal(data.rebuild(planted.manifest, images).points, planted.points)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"digest": "0" * 64}, "the training array has the SHA-256 .*; the manifest's has 0000"),
        ({"sha256": "1" * 64}, "digits has the SHA-256 .*; the manifest's set has 1111"),
        ({"times": (2,) * 20}, "the training array has the SHA-256"),
        ({"size": 4}, "the training array has the SHA-256"),
        ({"held_out": (1797,)}, "the manifest has the index 1797; digits has 1797 images"),
    ],
)
def test_a_rebuilt_array_that_differs_is_an_error(changes, message):
    manifest = data.plant(data.image_set("digits"), 20, num_held_out=5).manifest
    with pytest.raises(ValueError, match=message):
        data.rebuild(dataclasses.replace(manifest, **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "not a JSON object of format 1"),
        ({"indices": [3, 3]}, "each once in the two together"),
        ({"held_out": [4]}, "each once in the two together"),
        ({"indices": [3, -4]}, "each once in the two together"),
        ({"indices": [], "times": []}, "at least one of training"),
        ({"times": [1]}, "accepted is one number >= 1 a training image"),
        ({"times": [1, 0]}, "accepted is one number >= 1 a training image"),
        ({"times": [1, 10**12]}, "10000000 in all"),
        ({"times": [1, 1.5]}, "times = 1.5 was given in the configuration; accepted is int"),
        ({"seed": "0"}, "seed = '0' was given in the configuration; accepted is int"),
        ({"size": -1}, "size = -1 was given"),
        ({"colour": 1}, "Manifest takes"),
    ],
)
def test_other_manifests_are_refused(changes, message, tmp_path):
    good = {"format": 1, "source": "digits", "sha256": "", "size": 0, "seed": 0}
    good |= {"indices": [3, 4], "times": [2, 1], "held_out": [5], "digest": ""}
    file = tmp_path / data.MANIFEST_NAME
    file.write_text(json.dumps(good))
    assert data.read_manifest(file).times == (2, 1)
    file.write_text(json.dumps(good | changes))
    with pytest.raises(ValueError, match=f"not a manifest of training data.*{message}"):
        data.read_manifest(file)


def test_no_manifest_and_no_json(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"training-data.json does not exist"):
        data.read_manifest(tmp_path)
    for text in ("[1]", "{", "[" * 100_000):
        (tmp_path / data.MANIFEST_NAME).write_text(text)
        with pytest.raises(ValueError, match="not a manifest of training data"):
            data.read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_train": 301}, "num_train = 301 was given with 0 duplicated images; accepted are numbers from 1 to 300"),
        ({"num_train": 2, "duplicates": {2: 3}}, "accepted are numbers from 3 to 300"),
        ({"num_train": 0}, "num_train = 0"),
        ({"duplicates": {1: 3}}, r"duplicates = \{1: 3\}.*accepted are \{times >= 2: images >= 1\}"),
        ({"duplicates": {2: 301}}, "there are 300 images to choose from"),
        ({"duplicates": {2: 0}}, r"duplicates = \{2: 0\}"),
        ({"num_held_out": -1}, "num_held_out = -1"),
    ],
)
def test_plans_that_do_not_fit_are_sentences(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.plant(numbered(), **arguments)


def test_classes_need_labels():
    with pytest.raises(ValueError, match=r"classes = \[1\] was given; vectors has no labels"):
        data.plant(ImageSet(torch.randn(20, 3), None, "vectors", "here"), classes=[1])
