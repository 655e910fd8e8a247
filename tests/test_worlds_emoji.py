"""The emoji world, on a folder that a build of seconds made."""

from dataclasses import replace

import pytest
import torch

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from plaplace import memorization
from plaplace.memorization.worlds import emoji_worlds
from plaplace.networks import data, emoji
from tests.emoji_folder import TINY, small_package

PLAN = replace(TINY, held_out=20)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Folder of the model, folder of its 26 pictures, and the pictures."""
    root = tmp_path_factory.mktemp("emoji")
    shown = small_package(root / "pictures", 26)
    assert emoji.build(root / "model", shown, PLAN, 0, lambda stage: False).complete
    return root / "model", root / "pictures", shown


def test_its_groups_captions_and_latents_are_those_of_the_manifest(place):
    folder, source, shown = place
    world, unprompted = emoji_worlds(folder, source)
    bed, other = (next(each.build(0, quick=True)) for each in (world, unprompted))
    manifest = data.read_manifest(folder)
    times = dict(zip(manifest.indices, manifest.times, strict=True)) | dict.fromkeys(manifest.held_out, 0)
    names = {5: "x5", 1: "once", 0: "held out"}
    for caption, group, latent in zip(bed.conditions, bed.groups, bed.images, strict=True):
        index = shown.captions.index(caption)
        assert group == names[times[index]]
        torch.testing.assert_close(latent, bed.model.encode((shown.images[index] + 1) / 2)[0])
    assert sorted(bed.training_times.tolist(), reverse=True)[:3] == [5, 5, 1] and len(bed.training) == 6
    nulls = [shown.captions.index(caption) for caption in bed.null_conditions]
    assert set(nulls) <= set(manifest.held_out) and len(nulls) == 12
    assert not set(bed.null_conditions) & set(bed.conditions)
    assert list(bed.tasks) == ["once / held out", "x5 / held out"]
    assert other.conditions is None and other.null_conditions is None and torch.equal(other.images, bed.images)


def test_it_can_be_probed_with_its_captions(place):
    folder, source, _ = place
    bed = next(emoji_worlds(folder, source)[0].build(0, quick=True))
    flux = memorization.statistics["flux_1"]
    probes = [
        memorization.probe(bed.model, bed.images, bed.level, 4, torch.Generator().manual_seed(0), condition)
        for condition in (bed.conditions, None)
    ]
    assert flux(probes[0]).isfinite().all() and not torch.equal(flux(probes[0]), flux(probes[1]))


def test_without_a_folder_it_says_how_to_make_one(tmp_path):
    for world in emoji_worlds(tmp_path / "nowhere", tmp_path):
        with pytest.raises(FileNotFoundError, match=r"nowhere has no model_index\.json; build it with: make emoji"):
            next(world.build(0))
